"""What comes from a parameter file: refused values can be mended, empty lists and a node's own dump load."""

import dataclasses
import shutil
import signal

import pytest
import yaml

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from diagnostic_msgs.msg import DiagnosticStatus
from rcl_interfaces.srv import GetParameters, ListParameters
from rclpy.parameter import parameter_value_to_python

from ros.graph import DEADLINE, TINY, TRANSITIONS, wait_until
from ros.test_executables import start
from vit_perception.cards.card import load_card, write_card

NODE = "/mend/perception"


def configure(graph):
    return graph.transition(NODE, TRANSITIONS["configure"])


@pytest.mark.parametrize(
    ("name", "wrong", "reason", "right"),
    [
        ("detection__threshold", 3.0, "detection.threshold: threshold 3.0", 0.4),
        ("detection__threshold", "high", "detection.threshold: threshold 'high'", 0.4),
        ("detection__classes", ["persn"], "detection.classes: the model of detection knows no", ["person"]),
        ("detection__classes", "person", "detection.classes: 'person' is not a list", []),
    ],
)
def test_a_value_that_the_model_refuses_is_mended_by_setting_another(graph, name, wrong, reason, right):
    with graph.node("/mend", ("detection",), autostart=False, **{name: wrong}):
        for _ in range(2):
            assert not configure(graph)
            status = graph.status(NODE, lambda status: reason in status.message)
            assert status.level == DiagnosticStatus.ERROR
            assert "set another value, then configure the node" in status.message
        assert graph.set(NODE, **{name: right}).successful
        assert configure(graph)
        assert graph.get(NODE, name.replace("__", ".")) == right
        assert graph.transition(NODE, TRANSITIONS["activate"])


def test_the_value_set_in_its_place_is_checked_against_the_model(graph):
    with graph.node("/mend", ("detection",), autostart=False, detection__classes=["persn"]):
        assert not configure(graph)
        assert graph.set(NODE, detection__classes=["vehcle"]).successful
        assert not configure(graph)
        reason = "detection.classes: the model of detection knows no 'vehcle': did you mean 'vehicle'?"
        graph.status(NODE, lambda status: reason in status.message)
        assert graph.set(NODE, detection__classes=["vehicle"]).successful
        assert configure(graph)


def test_a_value_that_one_model_refuses_is_kept_for_another(graph, tmp_path):
    folder = shutil.copytree(TINY, tmp_path / "grouped")
    write_card(dataclasses.replace(load_card(folder), name="grouped", coarse=("even", "odd") * 6))
    with graph.node("/mend", ("detection",), autostart=False, detection__classes=["even"]):
        assert not configure(graph)
        assert graph.set(NODE, model=str(folder)).successful
        assert configure(graph)
        assert graph.get(NODE, "detection.classes") == ["even"]


def _own(graph, node):
    """The parameters of a node as `ros2 param dump` writes them."""
    names = graph.call(ListParameters, f"{node}/list_parameters", ListParameters.Request()).result.names
    values = graph.call(GetParameters, f"{node}/get_parameters", GetParameters.Request(names=names)).values
    return {name: parameter_value_to_python(value) for name, value in zip(names, values, strict=True)}


def test_null_and_a_dump_of_the_node_load(graph, tmp_path):
    given = {"model": str(TINY), "prompts": None, "image_topics": [], "detection.classes": None}
    for name in ("first", "second"):
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump({"/**": {"ros__parameters": given}}))
        process = start("detector", "-r", f"__node:={name}", "--params-file", str(file))
        there = (name, "/process")
        try:
            wait_until(lambda there=there: there in graph.client.get_node_names_and_namespaces(), name)
            wait_until(lambda name=name: graph.state(f"/process/{name}") == "active", f"{name} to be active")
            given = _own(graph, f"/process/{name}")
        finally:
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=DEADLINE)
        assert process.returncode == 0, output
        assert [name for name, value in given.items() if value is None] == []
        assert given["prompts"] == given["image_topics"] == given["detection.classes"] == []
