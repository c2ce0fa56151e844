"""What the simulated robot publishes: camera, wheels, bumper, transforms and the time of the simulation."""

from __future__ import annotations

import array
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped, TransformStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.serialization import serialize_message
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Bool, Header
from tf2_msgs.msg import TFMessage

from vit_perception.nodes.outputs.topics import Qos, message_class
from vit_perception.nodes.qos import qos_profile
from vit_perception.sim.driving.observation import Observation
from vit_perception.sim.robot import CAMERA_X, optical_rotation

# Frames as REP 105 names them; the optical one as REP 103 has it: z ahead, x right, y down.
ODOM, BASE, OPTICAL = "odom", "base_link", "camera_optical_frame"

_QOS, _LATCHED = Qos(depth=5), Qos(transient_local=True, depth=1)
# `bumper` is a Bool: no standard message is one, and Range, which REP 117 would use, says less plainly
# whether something is touched.
TOPICS = {
    "/clock": ("rosgraph_msgs/msg/Clock", _QOS),
    "image": ("sensor_msgs/msg/Image", _QOS),
    "camera_info": ("sensor_msgs/msg/CameraInfo", _QOS),
    "depth_image": ("sensor_msgs/msg/Image", _QOS),
    "odom": ("nav_msgs/msg/Odometry", _QOS),
    "bumper": ("std_msgs/msg/Bool", _QOS),
    "goal_pose": ("geometry_msgs/msg/PoseStamped", _QOS),
    "/tf": ("tf2_msgs/msg/TFMessage", _QOS),
    "/tf_static": ("tf2_msgs/msg/TFMessage", _LATCHED),
}

# Full name of a topic, the message as it went over DDS, and its time in nanoseconds.
Record = Callable[[str, bytes, int], None]


class RobotTopics:
    """The publishers of a simulated robot.

    Args:
        node: that publishes.
        record: is told of each message.
    """

    def __init__(self, node: Node, record: Record = lambda topic, cdr, nanoseconds: None) -> None:
        self._publishers: dict[str, Publisher] = {
            name: node.create_publisher(message_class(kind), name, qos_profile(qos))
            for name, (kind, qos) in TOPICS.items()
        }
        self._record = record

    def tell_time(self, nanoseconds: int) -> None:
        """Publish /clock."""
        self._send("/clock", Clock(clock=_stamp(nanoseconds)), nanoseconds)

    def give_goal(self, goal: tuple[float, float], nanoseconds: int) -> None:
        """Publish `goal_pose`: x and y in the frame `odom`."""
        pose = PoseStamped(header=_header(ODOM, nanoseconds))
        pose.pose.position.x, pose.pose.position.y = goal
        self._send("goal_pose", pose, nanoseconds)

    def mount_camera(self, height: float, pitch: float, nanoseconds: int) -> None:
        """Publish where the camera is on the robot: metres above the ground, radians that it looks down."""
        transform = TransformStamped(header=_header(BASE, nanoseconds), child_frame_id=OPTICAL)
        transform.transform.translation.x, transform.transform.translation.z = CAMERA_X, height
        x, y, z, w = optical_rotation(pitch)
        rotation = transform.transform.rotation
        rotation.x, rotation.y, rotation.z, rotation.w = x, y, z, w
        self._send("/tf_static", TFMessage(transforms=[transform]), nanoseconds)

    def publish(self, seen: Observation, nanoseconds: int) -> None:
        """Publish an observation with this stamp; the image last, for which nodes then have all the rest."""
        self.tell_time(nanoseconds)
        self._publish_odometry(seen, nanoseconds)
        self._send("bumper", Bool(data=seen.bumped), nanoseconds)
        header = _header(OPTICAL, nanoseconds)
        self._send("camera_info", _camera_info(seen, header), nanoseconds)
        if seen.depth is not None:
            self._send("depth_image", _image(seen.depth.astype("<f4"), "32FC1", header), nanoseconds)
        self._send("image", _image(seen.rgb, "rgb8", header), nanoseconds)

    def _publish_odometry(self, seen: Observation, nanoseconds: int) -> None:
        message = Odometry(header=_header(ODOM, nanoseconds), child_frame_id=BASE)
        transform = TransformStamped(header=message.header, child_frame_id=BASE)
        pose, moved = message.pose.pose, transform.transform
        pose.position.x = moved.translation.x = seen.odometry.x
        pose.position.y = moved.translation.y = seen.odometry.y
        pose.orientation.z = moved.rotation.z = math.sin(seen.odometry.yaw / 2)
        pose.orientation.w = moved.rotation.w = math.cos(seen.odometry.yaw / 2)
        message.twist.twist.linear.x, message.twist.twist.angular.z = seen.velocity
        self._send("odom", message, nanoseconds)
        self._send("/tf", TFMessage(transforms=[transform]), nanoseconds)

    def _send(self, name: str, message: Any, nanoseconds: int) -> None:
        publisher = self._publishers[name]
        cdr = serialize_message(message)
        publisher.publish(cdr)
        self._record(publisher.topic_name, cdr, nanoseconds)


def _image(pixels: np.ndarray, encoding: str, header: Header) -> Image:
    height, width = pixels.shape[:2]
    data = array.array("B", pixels.tobytes())
    step = len(data) // height
    return Image(header=header, height=height, width=width, encoding=encoding, step=step, data=data)


def _camera_info(seen: Observation, header: Header) -> CameraInfo:
    height, width = seen.rgb.shape[:2]
    return CameraInfo(
        header=header,
        height=height,
        width=width,
        distortion_model="plumb_bob",
        d=[0.0] * 5,
        k=seen.intrinsics.ravel().tolist(),
        r=np.eye(3).ravel().tolist(),
        p=np.column_stack([seen.intrinsics, np.zeros(3)]).ravel().tolist(),
    )


def _header(frame: str, nanoseconds: int) -> Header:
    return Header(stamp=_stamp(nanoseconds), frame_id=frame)


def _stamp(nanoseconds: int) -> Any:
    return Time(nanoseconds=nanoseconds).to_msg()
