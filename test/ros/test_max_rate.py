"""A limited rate: what it drops, it drops when it arrives."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from ros.graph import values, wait_until


def test_no_frame_waits_until_it_is_due(graph):
    """One that came too early must not be answered when the limit is gone, since it is old by then."""
    node = "/throttled/perception"
    with graph.node("/throttled", ("detection",), max_rate=0.001):
        publisher = graph.client.create_publisher(Image, "/throttled/image", 10)
        answers = graph.listen("/throttled/detections", Detection2DArray)
        wait_until(lambda: answers, "an answer", lambda: publisher.publish(graph.image()))
        early, later = graph.image(), graph.image()
        before = int(values(graph.status(node))["frames_received"])
        publisher.publish(early)
        status = graph.status(node, lambda status: int(values(status)["frames_received"]) > before)
        numbers = values(status)
        assert int(numbers["frames_throttled"]) == int(numbers["frames_received"]) - 1
        assert numbers["frames_dropped"] == numbers["frames_throttled"]
        assert graph.set(node, max_rate=0).successful
        wait_until(lambda: len(answers) > 1, "another answer", lambda: publisher.publish(later))
        graph.destroy(publisher)
    assert answers[1].header == later.header
