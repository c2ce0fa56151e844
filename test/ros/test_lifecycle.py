"""Through the life cycle, by its services."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from ros.graph import SHUTDOWN, TRANSITIONS, values, wait_until

TOPICS = {"detections": Detection2DArray}


def _publishers(graph, topic):
    return graph.client.count_publishers(topic)


def test_there_and_back_and_there_again(graph):
    node = "/cycle/perception"
    with graph.node("/cycle", ("detection",), autostart=False):
        for _ in range(2):
            assert graph.state(node) == "unconfigured"
            assert _publishers(graph, "/cycle/detections") == 0
            assert graph.transition(node, TRANSITIONS["configure"])
            assert graph.state(node) == "inactive"
            wait_until(lambda: _publishers(graph, "/cycle/detections"), "an output")
            assert graph.client.count_subscribers("/cycle/image") == 0
            assert graph.transition(node, TRANSITIONS["activate"])
            assert graph.state(node) == "active"
            assert graph.ask("/cycle", graph.image(), TOPICS)
            assert graph.transition(node, TRANSITIONS["deactivate"])
            assert graph.state(node) == "inactive"
            wait_until(lambda: not graph.client.count_subscribers("/cycle/image"), "no subscription")
            assert graph.transition(node, TRANSITIONS["cleanup"])
            wait_until(lambda: not _publishers(graph, "/cycle/detections"), "no output")


@pytest.mark.parametrize("state", SHUTDOWN)
def test_shutdown_from_any_state(graph, state):
    namespace = f"/end_{state}"
    node = f"{namespace}/perception"
    with graph.node(namespace, ("detection",), autostart=state == "active"):
        if state == "inactive":
            assert graph.transition(node, TRANSITIONS["configure"])
        assert graph.transition(node, SHUTDOWN[state])
        assert graph.state(node) == "finalized"
        assert values(graph.status(node, lambda s: s.level == DiagnosticStatus.WARN))["state"] == "finalized"


def test_a_wrong_model_leaves_a_managed_node_unconfigured_and_says_why(graph):
    node = "/wrong/perception"
    with graph.node("/wrong", ("detection",), autostart=False, model="robot_vit_s41"):
        assert not graph.transition(node, TRANSITIONS["configure"])
        assert graph.state(node) == "unconfigured"
        status = graph.status(node)
        assert status.level == DiagnosticStatus.ERROR
        assert "robot_vit_s41" in status.message


def test_diagnostics_of_a_waiting_node_say_what_to_do(graph):
    node = "/waiting/perception"
    with graph.node("/waiting", ("detection",), autostart=False):
        status = graph.status(node)
        assert (status.level, values(status)["state"]) == (DiagnosticStatus.WARN, "unconfigured")
        assert f"ros2 lifecycle set {node} configure" in status.message
        assert graph.transition(node, TRANSITIONS["configure"])
        assert "activate" in graph.status(node, lambda s: values(s)["state"] == "inactive").message


def test_images_are_not_received_while_inactive(graph):
    node = "/paused/perception"
    with graph.node("/paused", ("detection",)):
        received = graph.listen("/paused/detections", Detection2DArray)
        assert graph.transition(node, TRANSITIONS["deactivate"])
        publisher = graph.client.create_publisher(Image, "/paused/image", 10)
        before = int(values(graph.status(node))["frames_received"])
        publisher.publish(graph.image())
        status = graph.status(node)
        assert int(values(status)["frames_received"]) == before
        assert received == []
        assert graph.transition(node, TRANSITIONS["activate"])
        wait_until(lambda: received, "an answer", lambda: publisher.publish(graph.image()))
        graph.destroy(publisher)
