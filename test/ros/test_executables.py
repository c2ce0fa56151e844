"""The executables as a shell sees them: what they print, and how they end."""

import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")

from ros.graph import DEADLINE, TINY, wait_until

NODES = ("classifier", "detector", "segmenter", "navigator", "attention", "suite")


def start(name, **parameters):
    arguments = [part for key, value in parameters.items() for part in ("-p", f"{key}:={value}")]
    command = [sys.executable, "-m", f"vit_perception.nodes.{name}", "--ros-args", "-r", "__ns:=/process"]
    return subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ
    )


@pytest.fixture(scope="module")
def running(graph):
    """All six side by side: starting them one by one would take six times as long."""
    processes = {name: start(name, model=TINY) for name in NODES}
    yield processes
    for process in processes.values():
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("name", "kind"), list(zip(NODES, [signal.SIGINT, signal.SIGTERM] * 3, strict=True)))
def test_a_node_comes_up_and_ends_in_order(graph, running, name, kind):
    node = "perception" if name == "suite" else name
    there = (node, "/process")
    wait_until(lambda: there in graph.client.get_node_names_and_namespaces(), f"{node} in the graph")
    wait_until(lambda: graph.state(f"/process/{node}") == "active", f"{node} to be active")
    process = running[name]
    process.send_signal(kind)
    output, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert "model tiny on " in output


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"model": "robot_vit_s41"}, "robot_vit_s41"),
        ({"model": TINY, "device": "tpu"}, "device: 'tpu' is unknown: choose from auto, cpu, cuda"),
    ],
)
def test_a_wrong_start_ends_with_the_reason(ros_environment, parameters, reason):
    process = start("detector", **parameters)
    output, _ = process.communicate(timeout=2 * DEADLINE)
    assert process.returncode == 1
    assert reason in output
    assert "Traceback" not in output
