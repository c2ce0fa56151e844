"""What /diagnostics says about nodes whose input or surroundings are not as they should be."""

import socket

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import Image

TASK = ("detection",)


def test_the_hardware_is_the_computer_and_the_name_is_the_nodes(graph):
    with graph.node("/where", TASK, autostart=False):
        status = graph.status("/where/perception")
    assert status.hardware_id == socket.gethostname()
    assert status.name == "where/perception: perception"


def test_two_publishers_on_a_cameras_topic(graph):
    node = "/mixed/perception"
    publishers = [graph.client.create_publisher(Image, "/mixed/image", 10) for _ in range(2)]
    with graph.node("/mixed", TASK):
        status = graph.status(node, lambda status: "publishers" in status.message)
        assert status.level == DiagnosticStatus.WARN
        assert "/mixed/image has 2 publishers, whose frames mix: /client, /client" in status.message
        graph.destroy(publishers.pop())
        graph.status(node, lambda status: "publishers" not in status.message)
    graph.destroy(*publishers)


def test_two_nodes_of_one_name(graph):
    node = "/twins/perception"
    with graph.node("/twins", TASK):
        with graph.node("/twins", TASK):
            status = graph.status(node, lambda status: "nodes are called" in status.message)
            assert status.level == DiagnosticStatus.WARN
            assert f"2 nodes are called {node}" in status.message
        graph.status(node, lambda status: "nodes are called" not in status.message)
