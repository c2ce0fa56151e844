"""The executables as a shell sees them: what they print, and how they end."""

import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")

from diagnostic_msgs.msg import DiagnosticStatus

from ros.graph import DEADLINE, TINY, TRANSITIONS, wait_until

# The seventh, depth, has nothing to say with the tiny model: see below.
NODES = ("classifier", "detector", "segmenter", "navigator", "attention", "suite")


def start(name, *arguments, **parameters):
    values = [part for key, value in parameters.items() for part in ("-p", f"{key}:={value}")]
    module = "vit_perception.nodes.executables"
    command = [sys.executable, "-m", module, name, "--ros-args", "-r", "__ns:=/process"]
    return subprocess.Popen(
        [*command, *arguments, *values],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ,
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
    ("argument", "reason"),
    [
        ("device:=tpu", "device: 'tpu' is unknown: choose from auto, cpu, cuda"),
        ("max_rate:=-1", "max_rate: -1 is not a rate"),
        ("image:=front//image", "detector: ROS does not start: failed to initialize rcl: Couldn't "),
    ],
)
def test_a_wrong_start_ends_with_the_reason(ros_environment, argument, reason):
    process = start("detector", "-r" if argument.startswith("image") else "-p", argument)
    output, _ = process.communicate(timeout=2 * DEADLINE)
    assert process.returncode == 1
    assert reason in output
    assert "Traceback" not in output


def test_a_node_runs_uncached_where_no_cache_can_be_written(graph, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "cache"
    monkeypatch.setenv("VIT_PERCEPTION_CACHE", str(folder))
    process = start("detector", model=TINY)
    try:
        there = ("detector", "/process")
        wait_until(lambda: there in graph.client.get_node_names_and_namespaces(), "the node in the graph")
        wait_until(lambda: graph.state("/process/detector") == "active", "the node to be active")
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=DEADLINE)
    assert f"{folder} cannot be made (Not a directory)" in output
    assert "set VIT_PERCEPTION_CACHE to a folder" in output


def test_a_node_that_cannot_be_configured_stays_and_takes_another_model(graph):
    process = start("depth", model=TINY)
    try:
        status = graph.status("/process/depth", lambda status: status.level == DiagnosticStatus.ERROR)
        assert (
            "model tiny answers classification, detection, segmentation, navigation, attention"
            in status.message
        )
        assert graph.state("/process/depth") == "unconfigured"
        assert graph.set("/process/depth", model="no_such_model").successful
        assert not graph.transition("/process/depth", TRANSITIONS["configure"])
        status = graph.status("/process/depth", lambda status: "no_such_model" in status.message)
        assert status.level == DiagnosticStatus.ERROR
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, output
    assert "Traceback" not in output
