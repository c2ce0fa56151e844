"""A node that gets nothing says so after three seconds, with the likely reason."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.context import Context
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import Detection2DArray

from ros.graph import values


@pytest.fixture(scope="module")
def publishers(ros_environment):
    """An image topic elsewhere, one of the wrong kind, and one that never sends.

    In a context of their own: Fast DDS allows one type a topic within a participant.
    """
    context = Context()
    rclpy.init(context=context, domain_id=int(ros_environment["ROS_DOMAIN_ID"]))
    camera = rclpy.create_node("camera", context=context)
    for topic, kind in (("elsewhere", Image), ("kind", CompressedImage), ("mute", Image)):
        camera.create_publisher(kind, f"/{topic}/image", 10)
    yield
    camera.destroy_node()
    rclpy.try_shutdown(context=context)


@pytest.mark.parametrize(
    ("namespace", "reason"),
    [
        ("/alone", "nobody publishes /alone/image; image topics here are"),
        ("/kind", "set image_transport to compressed"),
        ("/mute", "/mute/image has a publisher, but nothing arrives"),
    ],
)
def test_the_reason_is_on_diagnostics(graph, publishers, namespace, reason):
    graph.listen(f"{namespace}/detections", Detection2DArray)
    with graph.node(namespace, ("detection",)):
        status = graph.status(
            f"{namespace}/perception", lambda s: s.level == DiagnosticStatus.WARN and "no image" in s.message
        )
    assert reason in status.message
    if namespace == "/alone":
        assert "/elsewhere/image" in status.message


def test_it_is_reported_while_simulated_time_stands_still(graph):
    """Nobody publishes /clock."""
    graph.listen("/timeless/detections", Detection2DArray)
    with graph.node("/timeless", ("detection",), use_sim_time=True):
        status = graph.status("/timeless/perception", lambda s: "no image" in s.message)
    assert status.level == DiagnosticStatus.WARN


def test_it_is_over_when_images_come(graph):
    node = "/late/perception"
    with graph.node("/late", ("detection",)):
        graph.listen("/late/detections", Detection2DArray)
        graph.status(node, lambda s: "no image" in s.message)
        publisher = graph.client.create_publisher(Image, "/late/image", 10)
        status = graph.status(
            node,
            lambda s: s.level == DiagnosticStatus.OK and float(values(s)["input_hz"]) > 0,
            lambda: publisher.publish(graph.image()),
        )
        graph.destroy(publisher)
    assert values(status)["frames_dropped"] == "0"
    assert float(values(status)["newest_frame_age_s"]) < 3
