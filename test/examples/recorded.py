"""A bag with known content: a drive past people and a chair, as a camera, the suite and the robot tell it.

The camera is 0.2 m before the robot's origin and 0.5 m above it, and looks ahead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from geometry_msgs.msg import TransformStamped, TwistStamped
from nav_msgs.msg import Odometry
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2, PointField
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import (
    Detection2D,
    Detection2DArray,
    Detection3D,
    Detection3DArray,
    LabelInfo,
    ObjectHypothesisWithPose,
    VisionClass,
)

from vit_perception.nodes.images import codec
from vit_perception.nodes.outputs.topics import Qos
from vit_perception.replay.recorder import Recorder
from vit_perception.runtime.points import POINT

BEGIN = 1_700_000_000
SIZE, FOCAL, CX, CY = (120, 160), 100.0, 79.5, 59.5
PERSON, CHAIR, FLOOR, CEILING = range(4)
LABELS = ("person", "chair", "floor", "ceiling")
TALL = 1.7  # metres, of all people
# Speed and turn rate that the robot is told in each frame; the first is told three times.
AHEAD, BACK, SPIN = (0.4, 0.2), (-0.2, 0.1), (0.0, 0.5)
# Where somebody red stands in the picture: left, top, right, bottom.
BODY = (90, 30, 140, 100)
LATCHED = Qos(transient_local=True, depth=1)
TOPICS: dict[str, tuple[Any, Qos]] = {
    "/tf_static": (TFMessage, LATCHED),
    "/label_info": (LabelInfo, LATCHED),
    "/segmentation/label_info": (LabelInfo, LATCHED),
    "/camera_info": (CameraInfo, Qos()),
    "/odom": (Odometry, Qos()),
    "/detections_3d": (Detection3DArray, Qos()),
    "/tracks": (Detection2DArray, Qos()),
    "/segmentation/points": (PointCloud2, Qos()),
    "/image": (Image, Qos()),
    "/image/compressed": (CompressedImage, Qos()),
    "/depth_image": (Image, Qos()),
    "/broken": (Image, Qos()),
    "/cmd_vel": (TwistStamped, Qos()),
}


@dataclass(frozen=True)
class Thing:
    """What is seen: the id of its track, its class, and its place in the optical frame (x right, z ahead)."""

    id: int
    label: int
    x: float
    z: float


@dataclass(frozen=True)
class Scene:
    """A fifth of a second in which nothing moves.

    Attributes:
        begin: seconds.
        pose: of the robot in the odometry's frame: x, y in metres, yaw in radians; None: odometry is zeros.
        things: that are seen; None: the suite is silent.
    """

    begin: float
    pose: tuple[float, float, float] | None
    things: tuple[Thing, ...] | None

    @property
    def frames(self) -> list[float]:
        return [self.begin + 0.1 * index for index in range(3)]


SCENES = {
    # Before anything is known of the robot, the camera and the labels.
    "early": Scene(-2.0, None, (Thing(7, CHAIR, 0.9, 1.2),)),  # 1.5 m away
    "far": Scene(0.0, (0.0, 0.0, 0.0), (Thing(7, PERSON, -1.0, 5.0), Thing(9, CHAIR, 0.5, 2.0))),
    "two": Scene(
        3.0,
        (1.0, 0.0, 0.0),
        (Thing(8, PERSON, -0.56, 1.92), Thing(7, PERSON, 1.2, 3.0), Thing(9, CHAIR, 0.5, 1.0)),
    ),
    "near": Scene(6.0, (1.0, 0.0, math.pi / 2), (Thing(7, PERSON, 0.28, 0.96),)),
    "missed": Scene(6.5, (1.0, 0.0, math.pi / 2), ()),
    "nobody": Scene(8.0, (1.0, 0.0, math.pi / 2), ()),
    "silent": Scene(10.0, (1.0, 0.0, math.pi / 2), None),
    "again": Scene(12.0, (0.0, 0.0, 0.0), (Thing(7, PERSON, -1.0, 5.0),)),
}


def header(seconds: float, frame: str = "camera_optical") -> Header:
    found = Header(frame_id=frame)
    found.stamp.sec, found.stamp.nanosec = divmod(round((BEGIN + seconds) * 1e9), 10**9)
    return found


def points() -> np.ndarray:
    """(N, 5) x, y, z in metres of the robot, class and confidence."""
    grid = np.stack(np.meshgrid(np.arange(1.05, 3, 0.1), np.arange(-0.45, 0.5, 0.1)), axis=-1).reshape(-1, 2)
    floor = [(x, y, 0.0, FLOOR, 255) for x, y in grid]
    return np.array(
        [
            *[(2.05, 0.35, z, PERSON, 255) for z in (0.2, 0.6, 1.0, 1.4)],
            (1.55, 0.05, 2.4, CEILING, 255),
            (1.25, -0.25, 0.5, PERSON, 50),
            (3.55, 0.05, -0.8, FLOOR, 255),  # down a flight of stairs
            (6.0, 0.0, 0.5, PERSON, 255),  # beyond the grid
            (np.nan, np.nan, np.nan, PERSON, 255),
            *floor,
        ]
    )


def picture(with_body: bool) -> np.ndarray:
    """(120, 160, 3) uint8 RGB: grey with some noise, and a red rectangle where somebody stands."""
    pixels = np.full((*SIZE, 3), 120.0)
    if with_body:
        left, top, right, bottom = BODY
        pixels[top:bottom, left:right] = (205, 26, 26)
    return (pixels + np.random.default_rng(0).integers(-9, 10, pixels.shape)).astype(np.uint8)


def record(folder: Path) -> Path:
    """Write the bag; gives its folder."""
    folder.mkdir()
    with Recorder(folder / "drive.mcap") as recorder:
        for topic, (kind, qos) in TOPICS.items():
            package = kind.__module__.split(".")[0]
            recorder.add_topic(topic, f"{package}/msg/{kind.__name__}", qos)
        for number, (topic, seconds, message) in enumerate(messages()):
            when = round((BEGIN + seconds) * 1e9) + 1000 * number  # in this order
            recorder.write(topic, serialize_message(message), log_ns=when, publish_ns=when)
    return folder


def messages() -> Iterator[tuple[str, float, Any]]:
    """Topic, seconds and message of all that is recorded."""
    for name, scene in SCENES.items():
        if name == "far":
            yield from _once(scene.begin)
        for seconds in scene.frames:
            yield "/odom", seconds, _odometry(seconds, scene.pose)
            if scene.things is not None:
                yield "/detections_3d", seconds, _boxes_3d(seconds, scene.things)
                yield "/tracks", seconds, _tracks(seconds, scene.things)
                yield "/segmentation/points", seconds, _cloud(seconds)
            for number, (speed, turn) in enumerate((BACK, SPIN, AHEAD, AHEAD, AHEAD)):
                command = TwistStamped(header=header(seconds + 0.01 * (number + 1), "base_link"))
                command.twist.linear.x, command.twist.angular.z = speed, turn
                yield "/cmd_vel", seconds + 0.01 * (number + 1), command
    yield from _pictures(13.0)


def _once(seconds: float) -> Iterator[tuple[str, float, Any]]:
    mount = TransformStamped(header=header(seconds, "base_link"), child_frame_id="camera_optical")
    mount.transform.translation.x, mount.transform.translation.z = 0.2, 0.5
    turn = mount.transform.rotation
    turn.x, turn.y, turn.z, turn.w = -0.5, 0.5, -0.5, 0.5
    yield "/tf_static", seconds, TFMessage(transforms=[mount])
    classes = [VisionClass(class_id=number, class_name=name) for number, name in enumerate(LABELS)]
    for topic in ("/label_info", "/segmentation/label_info"):
        yield topic, seconds, LabelInfo(header=header(seconds), class_map=classes)
    k = [FOCAL, 0.0, CX, 0.0, FOCAL, CY, 0.0, 0.0, 1.0]
    yield "/camera_info", seconds, CameraInfo(header=header(seconds), height=SIZE[0], width=SIZE[1], k=k)


def _odometry(seconds: float, pose: tuple[float, float, float] | None) -> Odometry:
    message = Odometry(header=header(seconds, "odom"), child_frame_id="base_link")
    message.pose.pose.orientation.w = 0.0
    if pose is not None:
        place, turn = message.pose.pose.position, message.pose.pose.orientation
        place.x, place.y, yaw = pose
        turn.z, turn.w = math.sin(yaw / 2), math.cos(yaw / 2)
    return message


def _hypothesis(thing: Thing) -> ObjectHypothesisWithPose:
    found = ObjectHypothesisWithPose()
    found.hypothesis.class_id, found.hypothesis.score = str(thing.label), 0.9
    return found


def _boxes_3d(seconds: float, things: tuple[Thing, ...]) -> Detection3DArray:
    message = Detection3DArray(header=header(seconds))
    for thing in things:
        box = Detection3D(header=message.header, results=[_hypothesis(thing)])
        box.bbox.center.position.x, box.bbox.center.position.z = thing.x, thing.z
        message.detections.append(box)
    return message


def _tracks(seconds: float, things: tuple[Thing, ...]) -> Detection2DArray:
    message = Detection2DArray(header=header(seconds))
    for thing in things:
        box = Detection2D(header=message.header, results=[_hypothesis(thing)], id=str(thing.id))
        half = FOCAL * TALL / thing.z / 2
        top, bottom = max(CY - half, 0.0), min(CY + half, float(SIZE[0]))
        box.bbox.center.position.x = CX + FOCAL * thing.x / thing.z
        box.bbox.center.position.y, box.bbox.size_y = (top + bottom) / 2, bottom - top
        box.bbox.size_x = box.bbox.size_y / 3
        message.detections.append(box)
    return message


def _cloud(seconds: float) -> PointCloud2:
    x, y, z, label, confidence = points().T
    cloud = np.zeros(len(x), POINT)
    cloud["x"], cloud["y"], cloud["z"] = -y, 0.5 - z, x - 0.2
    cloud["class_id"], cloud["confidence"] = label, confidence
    kinds = {"x": PointField.FLOAT32, "y": PointField.FLOAT32, "z": PointField.FLOAT32}
    fields = [
        PointField(
            name=name, offset=POINT.fields[name][1], datatype=kinds.get(name, PointField.UINT8), count=1
        )
        for name in POINT.names
    ]
    return PointCloud2(
        header=header(seconds),
        height=1,
        width=len(cloud),
        fields=fields,
        point_step=POINT.itemsize,
        row_step=cloud.nbytes,
        data=cloud.tobytes(),
    )


def _pictures(seconds: float) -> Iterator[tuple[str, float, Any]]:
    for with_body in (False, True):
        seconds += 0.1
        pixels = picture(with_body)
        yield "/image", seconds, codec.encode(pixels, "rgb8", header(seconds))
        jpeg = cv2.imencode(".jpg", pixels[..., ::-1])[1].tobytes()
        yield "/image/compressed", seconds, CompressedImage(header=header(seconds), format="jpeg", data=jpeg)
    depth = codec.encode(np.full(SIZE, 2, np.float32), "32FC1", header(seconds))
    yield "/depth_image", seconds, depth
    broken = codec.encode(picture(True), "rgb8", header(seconds))
    broken.height += 1
    yield "/broken", seconds, broken
