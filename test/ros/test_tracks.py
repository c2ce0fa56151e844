"""`tracks`: ids that stay, also while odometry says that the robot turns."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from nav_msgs.msg import Odometry
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from vit_perception.nodes.camera_motion import CameraMotion
from vit_perception.nodes.depth.intrinsics import Intrinsics
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.tracks import TracksOutput
from vit_perception.runtime.results import Detection, Perception

DEADLINE = 60.0
FOCAL, TURN, BEGIN = 300.0, 0.1, 1_700_000_000.0


def header(seconds: float) -> Header:
    found = Header(frame_id="front_optical")
    found.stamp.sec = int(BEGIN)
    found.stamp.nanosec = round(seconds * 1e9)
    return found


class Robot:
    """A node with the output for the camera `front`, its drivers and a listener, all in this thread."""

    def __init__(self, domain_id: int) -> None:
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain_id)
        self.node = rclpy.create_node("robot", namespace="/turns", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.received: list[Any] = []
        self.node.create_subscription(Detection2DArray, "front/tracks", self.received.append, 10)
        self.motion = CameraMotion(self.node, Intrinsics(self.node, "front", "front/image"))
        self.output = TracksOutput(self.node, "front/", self.motion)
        self.odometry = self.node.create_publisher(Odometry, "odom", 50)
        self.info = self.node.create_publisher(CameraInfo, "front/camera_info", 1)
        self.wait_until(lambda: self.output.has_subscribers)

    def wait_until(self, condition: Callable[[], object], step: Callable[[], object] = lambda: None) -> None:
        deadline = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < deadline
            step()
            self.executor.spin_once(timeout_sec=0.1)

    def report(self, seconds: float, yaw: float, pitch: float) -> None:
        """Publish odometry and camera_info: pitch, then yaw."""
        message = Odometry(header=header(seconds))
        message.header.frame_id, message.child_frame_id = "odom", "base_link"
        turn = message.pose.pose.orientation
        turn.w, turn.z = (
            math.cos(yaw / 2) * math.cos(pitch / 2),
            math.sin(yaw / 2) * math.cos(pitch / 2),
        )
        turn.x, turn.y = (
            -math.sin(yaw / 2) * math.sin(pitch / 2),
            math.cos(yaw / 2) * math.sin(pitch / 2),
        )
        self.odometry.publish(message)
        k = [FOCAL, 0.0, 159.5, 0.0, FOCAL, 119.5, 0.0, 0.0, 1.0]
        self.info.publish(CameraInfo(height=240, width=320, k=k))

    def answer(self, seconds: float, yaw: float) -> Any:
        """What comes for a frame in which a thing 20 pixels wide stands ahead of where the robot began."""
        centre = 159.5 + FOCAL * math.tan(yaw)
        box = np.float32([[centre - 10, 90, centre + 10, 110]])
        found = Detection(box, np.int64([4]), np.float32([0.75]))
        frame = Frame(header(seconds), np.zeros((240, 320, 3), np.uint8), "bgr")
        self.received.clear()
        self.output.publish(Perception((240, 320), detection=found), frame)
        self.wait_until(lambda: self.received)
        return self.received[0]

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self.context)


@pytest.fixture
def robot(ros_environment: dict[str, str]) -> Iterator[Robot]:
    robot = Robot(int(ros_environment["ROS_DOMAIN_ID"]))
    yield robot
    robot.close()


def test_ids_stay_while_the_robot_turns_and_its_odometry_is_there(robot: Robot) -> None:
    assert robot.node.count_subscribers("odom") == 0
    assert robot.motion.state == ""
    robot.motion.attend(True)
    robot.wait_until(lambda: robot.node.count_subscribers("odom") and robot.info.get_subscription_count())
    messages = []
    for frame in range(5):
        seconds, yaw, pitch = 0.1 * frame, TURN * frame, 0.02 * frame
        robot.wait_until(
            lambda seconds=seconds: (
                robot.motion._newest >= BEGIN + seconds - 1e-3 and not robot.motion._intrinsics.trouble
            ),
            lambda seconds=seconds, yaw=yaw, pitch=pitch: robot.report(seconds, yaw, pitch),
        )
        messages.append(robot.answer(seconds, yaw))
    assert [[each.id for each in message.detections] for message in messages] == [["1"]] * 5
    assert messages[-1].header == header(0.4)
    (last,) = messages[-1].detections
    assert last.header == header(0.4)
    assert last.results[0].hypothesis.class_id == "4"
    assert last.results[0].hypothesis.score == pytest.approx(0.75)
    assert last.bbox.center.position.x == pytest.approx(159.5 + FOCAL * math.tan(0.4), abs=1e-3)
    assert (robot.motion.state, robot.motion.warning) == ("from odometry", "")
    # It stops.
    assert robot.answer(0.9, 0.5).detections[0].id != "1"
    assert "s away from the frame's time" in robot.motion.warning
    robot.motion.attend(False)
    robot.wait_until(lambda: robot.node.count_subscribers("odom") == 0)


def test_without_odometry_there_are_tracks_and_it_is_said(robot: Robot) -> None:
    robot.motion.attend(True)
    ids = [robot.answer(0.1 * frame, TURN * frame).detections[0].id for frame in range(5)]
    assert len(set(ids)) > 1
    assert robot.motion.state == "missing: nothing that can be used has come on /turns/odom"
    assert robot.motion.warning == ""  # it never was there
    nothing = Detection(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32))
    robot.received.clear()
    frame = Frame(header(0.6), np.zeros((240, 320, 3), np.uint8), "bgr")
    robot.output.publish(Perception((240, 320), detection=nothing), frame)
    robot.wait_until(lambda: robot.received)
    assert (robot.received[0].header, list(robot.received[0].detections)) == (header(0.6), [])
