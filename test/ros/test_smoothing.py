"""`smoothing`: what a camera's outputs publish counts what they published before, while it is on."""

from __future__ import annotations

import time

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from ros.graph import TINY
from vit_perception.nodes.depth.intrinsics import Intrinsics
from vit_perception.nodes.images import codec
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.camera_outputs import CameraOutputs
from vit_perception.nodes.settings import Settings
from vit_perception.runtime.request import Request
from vit_perception.runtime.results import Perception, Segmentation
from vit_perception.runtime.task_models import TaskModels

SIZE = (120, 160)


def settings(smoothing: float) -> Settings:
    return Settings(Request(), False, 0.0, 0.0, 0.0, 0.0, 50.0, {}, smoothing=smoothing)


def test_masks_are_smooth_and_move_with_the_picture_while_it_is_on(ros_environment: dict[str, str]) -> None:
    context = Context()
    rclpy.init(context=context, domain_id=int(ros_environment["ROS_DOMAIN_ID"]))
    node = rclpy.create_node("smooth", namespace="/smooth", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    received: list[Image] = []
    node.create_subscription(Image, "segmentation/mask", received.append, 10)
    models = TaskModels(model=TINY, tasks=["segmentation"])
    outputs = CameraOutputs(node, models, "", Intrinsics(node, "", "image"))
    texture = np.random.default_rng(0).integers(0, 256, (30, 60, 1), np.uint8)
    world = np.repeat(texture.repeat(4, axis=0).repeat(4, axis=1), 3, axis=2)

    def published(second: int, left: int, mask: np.ndarray, confidence: int) -> np.ndarray:
        """What comes for a frame that shows the world from a column on."""
        header = Header(frame_id="front")
        header.stamp.sec, header.stamp.nanosec = 1_700_000_000, 100_000_000 * second
        sure = np.full(SIZE, confidence, np.uint8)
        frame = Frame(header, world[:, left : left + SIZE[1]].copy(), "bgr")
        received.clear()
        outputs.publish(Perception(SIZE, segmentation=Segmentation(mask, sure)), frame)
        deadline = time.monotonic() + 60
        while not received:
            assert time.monotonic() < deadline
            executor.spin_once(timeout_sec=0.1)
        return codec.decode(received[0], "passthrough")

    try:
        deadline = time.monotonic() + 60
        while not outputs.subscribed_tasks():
            assert time.monotonic() < deadline
            executor.spin_once(timeout_sec=0.1)
        half, other = np.ones(SIZE, np.uint8), np.full(SIZE, 3, np.uint8)
        half[:, 80:] = 2
        outputs.apply(settings(0.6))
        np.testing.assert_array_equal(published(0, 0, half, 200), half)
        # The picture moves 24 pixels to the left, and so does the edge; the flicker to 3 shows at the side.
        moved = published(1, 24, other, 150)
        edge = int(np.argmax(moved[60] == 2))
        assert abs(edge - 56) <= 2
        assert set(moved[60, :edge].tolist()) == {1}
        assert moved[60, -10:].tolist() == [3] * 10
        outputs.apply(settings(0.0))
        np.testing.assert_array_equal(published(2, 24, other, 150), other)
    finally:
        executor.shutdown()
        outputs.destroy()
        node.destroy_node()
        rclpy.try_shutdown(context=context)
