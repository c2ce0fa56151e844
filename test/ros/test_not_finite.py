"""A model that computes nonsense says so when it is loaded, and a scene never looks empty."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
pytest.importorskip("openvino", reason="the engine that has int8")
from diagnostic_msgs.msg import DiagnosticStatus

from ros.graph import TRANSITIONS
from scaled_int8 import NOT_FINITE, with_int8


def test_values_that_are_not_finite(graph, tmp_path):
    name = "/nonsense/perception"
    folder = with_int8(tmp_path / "model", NOT_FINITE)
    parameters = {"model": str(folder), "engine": "openvino", "precision": "int8", "autostart": False}
    with graph.node("/nonsense", ("detection",), **parameters):
        assert not graph.transition(name, TRANSITIONS["configure"])
        status = graph.status(name, lambda status: status.level == DiagnosticStatus.ERROR)
        assert "model tiny gives values that are not finite in its output" in status.message
        assert "set another precision, such as fp32" in status.message
        assert graph.set(name, precision="fp32").successful
        assert graph.transition(name, TRANSITIONS["configure"])
