"""The subscription hears whoever publishes, and follows a change of publisher."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from ros.graph import LATCHED, wait_until
from vit_perception.nodes.qos import adopted

BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
TOPICS = {"detections": Detection2DArray}


@pytest.mark.parametrize(
    ("publishers", "reliable", "latched"),
    [
        ([], False, False),
        ([BEST_EFFORT], False, False),
        ([RELIABLE], True, False),
        ([RELIABLE, BEST_EFFORT], False, False),
        ([LATCHED], True, True),
        ([LATCHED, RELIABLE], True, False),
    ],
)
def test_adopted_is_the_strongest_that_hears_all(publishers, reliable, latched):
    profile = adopted(publishers)
    assert (profile.reliability == ReliabilityPolicy.RELIABLE) == reliable
    assert (profile.durability == DurabilityPolicy.TRANSIENT_LOCAL) == latched
    assert profile.depth == 1


@pytest.fixture(scope="module")
def node(graph):
    graph.listen("/qos/detections", Detection2DArray)
    with graph.node("/qos", ("detection",)):
        yield "/qos"


def _subscribed(graph):
    """Reliability of the node's own subscription."""
    (info,) = graph.client.get_subscriptions_info_by_topic("/qos/image")
    return info.qos_profile.reliability


@pytest.mark.parametrize(
    "changes",
    [(BEST_EFFORT, RELIABLE, BEST_EFFORT), (RELIABLE, BEST_EFFORT, RELIABLE)],
    ids=["best effort first", "reliable first"],
)
def test_publishers_of_either_kind_are_heard_one_after_the_other(graph, node, changes):
    for qos in changes:
        assert graph.ask(node, graph.image(), TOPICS, qos)


def test_a_reliable_publisher_is_heard_reliably(graph, node):
    publisher = graph.client.create_publisher(Image, "/qos/image", RELIABLE)
    wait_until(lambda: _subscribed(graph) == ReliabilityPolicy.RELIABLE, "a reliable subscription")
    graph.destroy(publisher)


def test_both_kinds_at_once(graph, node):
    publisher = graph.client.create_publisher(Image, "/qos/image", RELIABLE)
    assert graph.ask(node, graph.image(), TOPICS, BEST_EFFORT)
    assert graph.ask(node, graph.image(), TOPICS, RELIABLE)
    graph.destroy(publisher)


def test_a_latched_image_from_before_the_node_is_answered(graph):
    publisher = graph.client.create_publisher(Image, "/latched/image", LATCHED)
    message = graph.image()
    publisher.publish(message)
    received = graph.listen("/latched/detections", Detection2DArray)
    with graph.node("/latched", ("detection",)):
        wait_until(lambda: received, "an answer")
    graph.destroy(publisher)
    assert received[0].header == message.header


@pytest.mark.parametrize("qos", [BEST_EFFORT, RELIABLE], ids=["best effort", "reliable"])
def test_outputs_are_heard_by_subscribers_of_either_kind(graph, node, qos):
    received = graph.listen("/qos/detections", Detection2DArray, qos)
    publisher = graph.client.create_publisher(Image, "/qos/image", RELIABLE)
    wait_until(lambda: received, "an answer", lambda: publisher.publish(graph.image()))
    graph.destroy(publisher)
