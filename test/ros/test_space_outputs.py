"""What comes out in metres for results that are known: boxes, points, and why there is nothing."""

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
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import Header
from vision_msgs.msg import Detection3DArray

from ros.clouds import read_cloud
from ros.graph import TINY
from vit_perception.nodes.depth.settings import DepthSettings
from vit_perception.nodes.images import codec
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.space_outputs import SpaceOutputs
from vit_perception.nodes.settings import Settings
from vit_perception.runtime.request import Request
from vit_perception.runtime.results import Depth, Detection, Perception, Segmentation
from vit_perception.runtime.task_models import TaskModels
from vit_perception.tasks import DEPTH, DETECTION, SEGMENTATION

DEADLINE = 60.0
SIZE = (120, 160)
K = [100.0, 0.0, 79.5, 0.0, 100.0, 59.5, 0.0, 0.0, 1.0]
FRAME = Frame(Header(frame_id="front_optical"), np.zeros((*SIZE, 3), np.uint8), "bgr")
FRAME.header.stamp.sec = 1_700_000_000
BOXES = np.float32([[60, 40, 100, 80], [0, 0, 20, 20], [120, 60, 160, 100]])


def settings(**depth: Any) -> Settings:
    return Settings(Request(), False, 0.0, 0.0, 0.0, 0.0, 50.0, {}, depth=DepthSettings(**depth))


class Robot:
    """A node with the outputs of the camera `front`, its driver and a listener, all in this thread."""

    def __init__(self, domain_id: int, models: TaskModels) -> None:
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain_id)
        self.node = rclpy.create_node("robot", namespace="/three", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.outputs = SpaceOutputs(self.node, models, "front", "front/image", settings())
        self.received: dict[str, list[Any]] = {}
        self.depth = self.node.create_publisher(Image, "front/depth_image", 10)

    def listen(self, name: str, kind: Any) -> None:
        self.received[name] = []
        self.node.create_subscription(kind, f"front/{name}", self.received[name].append, 10)
        output = next(each for each in self.outputs._outputs if each.name == name)
        self.wait_until(lambda: output.heard)
        self.outputs.attend(depth=False)

    def wait_until(self, condition: Callable[[], object], step: Callable[[], object] = lambda: None) -> None:
        deadline = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < deadline
            step()
            self.executor.spin_once(timeout_sec=0.1)

    def learn(self, qos: Any = 1, **fields: Any) -> None:
        """Publish the camera_info until it has arrived."""
        publisher = self.node.create_publisher(CameraInfo, "front/camera_info", qos)
        message = CameraInfo(height=SIZE[0], width=SIZE[1], k=K)
        for name, value in fields.items():
            setattr(message, name, value)
        known = self.outputs.space.intrinsics
        self.wait_until(lambda: known._info == message, lambda: publisher.publish(message))
        self.node.destroy_publisher(publisher)

    def forget(self) -> None:
        """All depth that has come."""
        self.outputs.space.depth.attend(False)
        self.outputs.attend(depth=False)

    def measure(self, pixels: np.ndarray, encoding: str = "32FC1", seconds: int = 0) -> None:
        """Publish depth with the stamp of the frame, or of so many seconds later, until it has arrived."""
        header = Header(frame_id="front_optical")
        header.stamp.sec = FRAME.header.stamp.sec + seconds
        message = codec.encode(pixels, encoding, header)
        kept = self.outputs.space.depth._pairing._kept
        self.wait_until(
            lambda: any(each.header == header and each.encoding == encoding for _, each in kept),
            lambda: self.depth.publish(message),
        )

    def answer(self, name: str, perception: Perception) -> Any:
        received = self.received[name]
        received.clear()
        self.outputs.publish(perception, FRAME)
        self.wait_until(lambda: received)
        return received[0]

    def stays_silent(self, name: str, perception: Perception) -> None:
        """Nothing comes within the time that an answer needs many times over."""
        self.received[name].clear()
        self.outputs.publish(perception, FRAME)
        for _ in range(5):
            self.executor.spin_once(timeout_sec=0.05)
        assert not self.received[name]

    def close(self) -> None:
        self.outputs.destroy()
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self.context)


@pytest.fixture(scope="module")
def models() -> TaskModels:
    return TaskModels(model=TINY)


@pytest.fixture
def robot(ros_environment: dict[str, str], models: TaskModels) -> Iterator[Robot]:
    robot = Robot(int(ros_environment["ROS_DOMAIN_ID"]), models)
    robot.listen("detections_3d", Detection3DArray)
    yield robot
    robot.close()


def depth_of_two_metres() -> np.ndarray:
    """(60, 80) that is unknown where the second box is."""
    depth = np.full((60, 80), 2, np.float32)
    depth[:20, :20] = np.nan
    return depth


def perceived(
    depth: Depth | None = None, ids: np.ndarray | None = None, seen: Segmentation | None = None
) -> Perception:
    scores, classes = np.float32([0.9, 0.8, 0.5]), np.int64([3, 1, 5])
    found = Detection(BOXES, classes, scores, ids)
    return Perception(SIZE, detection=found, depth=depth, segmentation=seen)


FROM_MODEL = Depth(depth_of_two_metres())


def test_boxes_are_in_metres_with_the_frame_s_header(robot: Robot) -> None:
    robot.learn()
    message = robot.answer("detections_3d", perceived(FROM_MODEL, np.int64([5, 6, 9])))
    assert message.header == FRAME.header
    first, second = message.detections
    assert first.header == FRAME.header
    assert [each.results[0].hypothesis.class_id for each in (first, second)] == ["3", "5"]
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
    message = robot.answer("detections_3d", Perception(SIZE, detection=nothing, depth=FROM_MODEL))
    assert message.header == FRAME.header
    assert list(message.detections) == []


@pytest.mark.parametrize(
    "qos",
    [
        QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE),
        QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
        QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL),
    ],
    ids=["reliable", "best effort", "latched"],
)
def test_the_newest_camera_info_holds(robot: Robot, qos: QoSProfile) -> None:
    robot.learn(qos)
    robot.learn(qos, k=[200.0, 0.0, 79.5, 0.0, 100.0, 59.5, 0.0, 0.0, 1.0])
    message = robot.answer("detections_3d", perceived(FROM_MODEL))
    assert message.detections[0].bbox.size.x == pytest.approx(0.4, abs=1e-5)


def test_the_depth_camera_comes_before_the_model(robot: Robot) -> None:
    robot.learn()
    robot.measure(np.full((60, 80), 3000, np.uint16), "16UC1")
    message = robot.answer("detections_3d", perceived(FROM_MODEL))
    assert [each.bbox.center.position.z for each in message.detections] == pytest.approx([3, 3, 3])
    assert robot.outputs.space.depth.there
    assert robot.outputs.subscribed_tasks() == {DETECTION, SEGMENTATION}
    assert robot.outputs.warnings == []


def test_the_mask_says_what_of_a_box_is_its_object(robot: Robot) -> None:
    depth, mask = np.full(SIZE, 4, np.float32), np.zeros(SIZE, np.uint8)
    depth[45:50, 60:100], mask[45:50, 60:100] = 1.5, 3  # a bar of the first box's class
    robot.learn()
    robot.measure(depth)
    message = robot.answer("detections_3d", perceived(seen=Segmentation(mask, mask)))
    assert [each.bbox.center.position.z for each in message.detections] == [1.5, 4, 4]
    message = robot.answer("detections_3d", perceived())
    assert [each.bbox.center.position.z for each in message.detections] == [4, 4, 4]


def test_rectified_images_are_seen_by_p(robot: Robot) -> None:
    robot.learn(p=[50.0, 0.0, 79.5, 0.0, 0.0, 50.0, 59.5, 0.0, 0.0, 0.0, 1.0, 0.0])
    robot.outputs.apply(settings(geometry="rectified"))
    assert robot.answer("detections_3d", perceived(FROM_MODEL)).detections[0].bbox.size.x == pytest.approx(
        1.6
    )
    robot.outputs.apply(settings())
    assert robot.answer("detections_3d", perceived(FROM_MODEL)).detections[0].bbox.size.x == pytest.approx(
        0.8
    )


def test_points_are_where_the_mask_s_pixels_are(robot: Robot) -> None:
    robot.listen("segmentation/points", PointCloud2)
    robot.learn()
    robot.measure(np.where(np.arange(160) < 100, 2, 0).astype(np.float32) * np.ones((120, 1), np.float32))
    mask = np.arange(60 * 80, dtype=np.uint8).reshape(60, 80)
    perception = perceived(seen=Segmentation(mask, mask // 2))
    message = robot.answer("segmentation/points", perception)
    assert message.header == FRAME.header
    assert (message.height, message.width) == (60, 80)
    assert not message.is_dense
    cloud = read_cloud(message)
    np.testing.assert_array_equal(cloud["class_id"], mask)
    np.testing.assert_array_equal(cloud["confidence"], mask // 2)
    columns = 2 * np.arange(50) + 0.5
    np.testing.assert_allclose(cloud["x"][7, :50], 2 * (columns - 79.5) / 100, atol=1e-6)
    np.testing.assert_allclose(cloud["z"][:, :50], 2)
    assert np.isnan([cloud[name][:, 50:] for name in "xyz"]).all()
    robot.outputs.apply(settings(points_step=4))
    thinner = robot.answer("segmentation/points", perception)
    assert (thinner.height, thinner.width) == (15, 20)
    for name in ("x", "y", "z", "class_id", "confidence"):
        np.testing.assert_array_equal(read_cloud(thinner)[name], cloud[name][2::4, 2::4])


def test_without_camera_or_metres_there_is_silence_and_the_reason(robot: Robot) -> None:
    def says(*words: str) -> None:
        found = robot.outputs.warnings
        assert len(found) == len(words), found
        assert all(word in each for word, each in zip(words, found, strict=True)), found

    info, depth = "/three/front/camera_info", "/three/front/depth_image"
    says(f"{info}: nothing arrives; until then there are no detections_3d")
    robot.stays_silent("detections_3d", perceived(FROM_MODEL))
    robot.learn()
    robot.stays_silent("detections_3d", perceived())
    says(f"no depth: nothing has come on {depth}")
    robot.stays_silent("detections_3d", perceived(Depth(depth_of_two_metres(), metric=False)))
    robot.stays_silent("detections_3d", Perception(SIZE, depth=FROM_MODEL))
    robot.measure(np.ones((60, 60), np.float32))
    robot.stays_silent("detections_3d", perceived())
    says(f"no depth: {depth} cannot be used: it has 60x60 pixels, the colour image 160x120")
    robot.forget()
    robot.measure(np.ones((60, 80), np.uint8), "mono8")
    robot.stays_silent("detections_3d", perceived())
    says("its encoding is 'mono8': publish 32FC1 in metres or 16UC1 in millimetres")
    robot.forget()
    robot.measure(np.ones((60, 80), np.float32), seconds=1)
    robot.stays_silent("detections_3d", perceived())
    says("is 1.00 s apart from the frame, more than 0.05 s")
    robot.forget()
    robot.measure(np.ones((60, 80), np.float32))
    for wrong, words in (
        ({"k": [0.0] * 9}, "focal lengths 0 and 0"),  # as of cameras that were not calibrated
        ({"height": 160}, "it describes images of 160x160 pixels, and they have 160x120"),
        ({"d": [0.1] * 3, "distortion_model": "plumb_bob"}, "with 3 coefficients is unknown"),
    ):
        robot.learn(**wrong)
        robot.stays_silent("detections_3d", perceived())
        says(f"{info}: {words}" if "coefficients" not in words else words)
    robot.learn(height=240, width=320, k=[200.0, 0.0, 159.5, 0.0, 200.0, 119.5, 0.0, 0.0, 1.0])
    assert len(robot.answer("detections_3d", perceived()).detections) == 3
    says()


def test_nothing_is_subscribed_to_that_nobody_needs(
    ros_environment: dict[str, str], models: TaskModels
) -> None:
    robot = Robot(int(ros_environment["ROS_DOMAIN_ID"]), models)
    try:
        outputs, count = robot.outputs, robot.node.count_subscribers
        assert outputs.subscribed_tasks() == set()
        outputs.attend(depth=False)
        assert (count("/three/front/depth_image"), count("/three/front/camera_info")) == (0, 0)
        outputs.attend(depth=True)  # for a navigator, which measures with it what is in the way
        assert (count("/three/front/depth_image"), count("/three/front/camera_info")) == (1, 1)
        robot.listen("segmentation/points", PointCloud2)
        assert (count("/three/front/depth_image"), count("/three/front/camera_info")) == (1, 1)
        assert outputs.subscribed_tasks() == {SEGMENTATION}
        outputs._depth_model = True
        assert outputs.subscribed_tasks() == {SEGMENTATION, DEPTH}, "until the depth camera is there"
        robot.outputs.destroy()
        assert (count("/three/front/depth_image"), count("/three/front/camera_info")) == (0, 0)
        assert robot.node.count_publishers("/three/front/segmentation/points") == 0
    finally:
        robot.close()
