"""Images that cannot be used: an error on /diagnostics with the reason, and the node lives on."""

import array

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import Detection2DArray

from ros.graph import scene, values

NODE = "/bad/detector"


@pytest.fixture(scope="module")
def node(graph):
    """A detector that somebody listens to: for nobody it would not look at an image."""
    with graph.node("/bad", ("detection",), name="detector"):
        graph.listen("/bad/detections", Detection2DArray)
        yield NODE


def _truncated(message):
    message.data = message.data[:-100]


def _empty(message):
    message.height = message.width = message.step = 0
    message.data = array.array("B")


def _short_step(message):
    message.step -= 3


def _long_step(message):
    message.step += 3


def _unknown(message):
    message.encoding = "bgr7"


def _numbers(message, channels):
    message.encoding = f"32FC{channels}"
    message.step = message.width * 4 * channels
    data = np.full((message.height, message.width, channels), np.nan, np.float32)
    message.data = array.array("B", data.tobytes())


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_truncated, "truncated"),
        (_empty, "0x0"),
        (_short_step, "step"),
        (_long_step, "step"),
        (_unknown, "unknown image encoding 'bgr7'"),
        (lambda message: _numbers(message, 1), "32FC1"),
        (lambda message: _numbers(message, 3), "32FC3"),
    ],
    ids=["truncated", "zero-sized", "step too short", "step too long", "unknown", "NaN depth", "NaN colours"],
)
def test_an_error_with_the_reason_and_the_node_lives(graph, node, spoil, reason):
    message = graph.image()
    spoil(message)
    publisher = graph.client.create_publisher(Image, "/bad/image", 10)
    status = graph.status(
        node,
        lambda status: status.level == DiagnosticStatus.ERROR and reason in status.message,
        lambda: publisher.publish(message),
    )
    graph.destroy(publisher)
    assert int(values(status)["errors"]) > 0
    assert reason in values(status)["last_error"]
    assert graph.ask("/bad", graph.image(), {"detections": Detection2DArray})
    graph.status(node, lambda status: status.level == DiagnosticStatus.OK)


def test_an_image_larger_than_the_limit_is_counted_and_the_limit_can_change(graph, node):
    before = int(values(graph.status(node))["errors"])
    assert graph.set(node, max_megapixels=0.029).successful
    publisher = graph.client.create_publisher(Image, "/bad/image", 10)
    reason = "image of 200x150 pixels, 0.03 megapixels, where max_megapixels allows 0.029"
    status = graph.status(
        node,
        lambda status: status.level == DiagnosticStatus.ERROR and reason in status.message,
        lambda: publisher.publish(graph.image()),
    )
    graph.destroy(publisher)
    assert int(values(status)["errors"]) > before
    assert graph.set(node, max_megapixels=0.03).successful
    assert graph.ask("/bad", graph.image(), {"detections": Detection2DArray})
    assert graph.set(node, max_megapixels=50.0).successful


def test_a_decompression_bomb_is_refused_by_name_and_the_node_lives(graph):
    """The PNG of some 400 kB that took 1.7 GB."""
    namespace, node = "/bomb", "/bomb/perception"
    bomb = cv2.imencode(".png", np.zeros((12000, 12000), np.uint8))[1].tobytes()
    good = cv2.imencode(".png", scene())[1].tobytes()
    with graph.node(namespace, ("detection",), image_transport="compressed"):
        graph.listen(f"{namespace}/detections", Detection2DArray)
        message = CompressedImage(header=graph.header(), format="png", data=bomb)
        publisher = graph.client.create_publisher(CompressedImage, f"{namespace}/image/compressed", 10)
        status = graph.status(
            node,
            lambda status: "12000x12000 pixels, 144 megapixels" in status.message,
            lambda: publisher.publish(message),
        )
        graph.destroy(publisher)
        assert status.level == DiagnosticStatus.ERROR
        assert "max_megapixels" in status.message
        message = CompressedImage(header=graph.header(), format="png", data=good)
        assert graph.ask(namespace, message, {"detections": Detection2DArray})


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff no picture"], ids=["empty", "damaged"])
def test_a_damaged_file(graph, data):
    namespace = "/bad_file"
    with graph.node(namespace, ("detection",), image_transport="compressed"):
        graph.listen(f"{namespace}/detections", Detection2DArray)
        message = CompressedImage(header=graph.header(), format="jpeg", data=array.array("B", data))
        publisher = graph.client.create_publisher(CompressedImage, f"{namespace}/image/compressed", 10)
        graph.status(
            f"{namespace}/perception",
            lambda status: status.level == DiagnosticStatus.ERROR and "jpeg" in status.message,
            lambda: publisher.publish(message),
        )
        graph.destroy(publisher)
