"""`detections_3d`: what comes out for a frame with boxes, depth and a camera that says what it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header
from vision_msgs.msg import Detection3DArray

from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.detection_3d import Detection3DOutput
from vit_perception.runtime.results import Depth, Detection, Perception

DEADLINE = 60.0
K = [100.0, 0.0, 79.5, 0.0, 100.0, 59.5, 0.0, 0.0, 1.0]
FRAME = Frame(Header(frame_id="front_optical"), np.zeros((120, 160, 3), np.uint8), "bgr")
FRAME.header.stamp.sec = 1_700_000_000
BOXES = np.float32([[60, 40, 100, 80], [0, 0, 20, 20], [120, 60, 160, 100]])


class Robot:
    """A node with the output for the camera `front`, its driver and a listener, all in this thread."""

    def __init__(self, domain_id: int) -> None:
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain_id)
        self.node = rclpy.create_node("robot", namespace="/three", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.received: list[Any] = []
        self.node.create_subscription(Detection3DArray, "front/detections_3d", self.received.append, 10)
        self.output = Detection3DOutput(self.node, "front/", "front/camera_info")
        self.wait_until(lambda: self.output.has_subscribers)

    def wait_until(self, condition: Callable[[], object], step: Callable[[], object] = lambda: None) -> None:
        deadline = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < deadline
            step()
            self.executor.spin_once(timeout_sec=0.1)

    def learn(self, qos: Any = 1, **fields: Any) -> None:
        """Publish the camera_info until the output has received it."""
        publisher = self.node.create_publisher(CameraInfo, "front/camera_info", qos)
        before = self.output._camera
        message = CameraInfo(height=120, width=160, k=K)
        for name, value in fields.items():
            setattr(message, name, value)
        self.wait_until(lambda: self.output._camera is not before, lambda: publisher.publish(message))
        self.node.destroy_publisher(publisher)

    def answer(self, perception: Perception) -> Any:
        self.received.clear()
        self.output.publish(perception, FRAME)
        self.wait_until(lambda: self.received)
        return self.received[0]

    def stays_silent(self, perception: Perception) -> None:
        """Nothing comes within the time that an answer needs many times over."""
        self.received.clear()
        self.output.publish(perception, FRAME)
        for _ in range(5):
            self.executor.spin_once(timeout_sec=0.05)
        assert not self.received

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self.context)


@pytest.fixture
def robot(ros_environment: dict[str, str]) -> Iterator[Robot]:
    robot = Robot(int(ros_environment["ROS_DOMAIN_ID"]))
    yield robot
    robot.close()


def perceived(metric: bool = True, ids: np.ndarray | None = None) -> Perception:
    """Three boxes two metres away, the second of which has no depth."""
    depth = np.full((60, 80), 2, np.float32)
    depth[:20, :20] = np.nan
    scores, classes = np.float32([0.9, 0.8, 0.5]), np.int64([3, 1, 7])
    return Perception(
        (120, 160), detection=Detection(BOXES, classes, scores, ids), depth=Depth(depth, metric)
    )


def test_boxes_are_in_metres_with_the_frame_s_header(robot: Robot) -> None:
    robot.learn()
    message = robot.answer(perceived(ids=np.int64([5, 6, 9])))
    assert message.header == FRAME.header
    first, second = message.detections
    assert first.header == FRAME.header
    assert [each.results[0].hypothesis.class_id for each in (first, second)] == ["3", "7"]
    assert [each.results[0].hypothesis.score for each in (first, second)] == pytest.approx([0.9, 0.5])
    assert (first.id, second.id) == ("5", "9")
    centre, size = second.bbox.center.position, second.bbox.size
    assert (centre.x, centre.y, centre.z) == pytest.approx((1.2, 0.4, 2.0), abs=1e-5)
    assert (size.x, size.y, size.z) == pytest.approx((0.8, 0.8, 0.0), abs=1e-5)
    assert second.bbox.center.orientation.w == 1
    assert second.results[0].pose.pose == second.bbox.center


def test_nothing_found_is_an_empty_message(robot: Robot) -> None:
    robot.learn()
    nothing = Detection(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32))
    message = robot.answer(Perception((120, 160), detection=nothing, depth=perceived().depth))
    assert message.header == FRAME.header
    assert list(message.detections) == []


@pytest.mark.parametrize("reliability", [ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT])
def test_the_newest_camera_info_holds(robot: Robot, reliability: ReliabilityPolicy) -> None:
    qos = QoSProfile(depth=1, reliability=reliability)
    robot.learn(qos)
    robot.learn(qos, k=[200.0, 0.0, 79.5, 0.0, 100.0, 59.5, 0.0, 0.0, 1.0])
    assert robot.answer(perceived()).detections[0].bbox.size.x == pytest.approx(0.4, abs=1e-5)


def test_without_camera_or_metres_there_is_silence(robot: Robot) -> None:
    robot.stays_silent(perceived())
    robot.learn()
    robot.stays_silent(perceived(metric=False))
    robot.stays_silent(Perception((120, 160), detection=perceived().detection))
    robot.stays_silent(Perception((120, 160), depth=perceived().depth))
    robot.learn(k=[0.0] * 9)  # as drivers of cameras that were not calibrated say
    robot.stays_silent(perceived())
    robot.learn()
    assert robot.answer(perceived()).detections


def test_what_is_missing_is_said(robot: Robot) -> None:
    silent = "/three/front/camera_info: nothing arrives; until then there are no detections_3d"
    assert robot.output.warning == silent
    robot.learn()
    assert robot.output.warning == ""
    robot.learn(k=[0.0] * 9)
    assert robot.output.warning.startswith("/three/front/camera_info: ")
    assert robot.output.warning != silent


def test_nothing_is_left_when_it_ends(robot: Robot) -> None:
    robot.output.destroy()
    assert robot.node.count_subscribers("/three/front/camera_info") == 0
    assert robot.node.count_publishers("/three/front/detections_3d") == 0
