"""Frames and bags made on the spot, without ROS."""

from collections.abc import Container
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from vit_perception.replay.cdr import (
    COMPRESSED_IMAGE,
    IMAGE,
    TRANSFORMS,
    serialize_bgr,
    serialize_jpeg,
    with_stamp,
)

SECOND = 1_000_000_000
# When the first image of a bag was taken, and how much later it was recorded.
STAMP = 1_600_000_000 * SECOND
DELAY = 3_000_000
# How much later than now localisation dates what it says.
AHEAD = SECOND // 20


def picture(index: int, height: int = 84, width: int = 112) -> np.ndarray:
    """(H, W, 3) uint8 BGR: noise with a bright square, another for each index."""
    pixels = np.random.default_rng(index).integers(0, 200, (height, width, 3), np.uint8)
    pixels[10:40, 10 + 5 * index : 40 + 5 * index] = 250
    return pixels


def write_photos(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True)
    for index in range(count):
        cv2.imwrite(str(folder / f"photo_{index}.png"), picture(index))
    return folder


def write_video(path: Path, count: int) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (112, 84))
    assert writer.isOpened()
    for index in range(count):
        writer.write(picture(index))
    writer.release()
    return path


def write_bag(path: Path, count: int, storage: StoragePlugin, topics: dict[str, str] | None = None) -> Path:
    """A bag of `count` images at 10 Hz on each of `topics` (name → type), and texts on /chatter."""
    store = get_typestore(Stores.ROS2_JAZZY)
    text = store.types["std_msgs/msg/String"]
    with Writer(path, version=9, storage_plugin=storage) as writer:
        connections = {
            name: writer.add_connection(name, kind, typestore=store)
            for name, kind in (topics if topics is not None else {"/camera/image": IMAGE}).items()
        }
        chatter = writer.add_connection("/chatter", "std_msgs/msg/String", typestore=store)
        for index in range(count):
            stamp = STAMP + index * SECOND // 10
            for connection in connections.values():
                serialize = serialize_jpeg if connection.msgtype == COMPRESSED_IMAGE else serialize_bgr
                writer.write(connection, stamp + DELAY, with_stamp(serialize(picture(index), "front"), stamp))
            writer.write(
                chatter, stamp + DELAY, store.serialize_cdr(text(data="hello"), "std_msgs/msg/String")
            )
    return path


def write_rgbd_bag(
    path: Path,
    count: int,
    depth: Container[int],
    wrong: Container[int] = (),
    depth_topic: str = "/camera/aligned_depth_to_color/image_raw",
    goal: bool = False,
    compressed: bool = False,
) -> Path:
    """A bag as of a depth camera on a robot that turns: images at 10 Hz, odometry at 50.

    Args:
        depth: indices of the images that have some: a metre, and a centimetre for each index.
        wrong: of those whose `camera_info` describes images of another shape.
        goal: whether a goal without a stamp is given on the map before the first image, and localisation
            says at 10 Hz where the map is, as of a little later.
        compressed: whether depth is compressed, as image_transport does it.
    """
    store = get_typestore(Stores.ROS2_JAZZY)
    types = store.types
    header = types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](0, 0), "front")
    vector, covariance = types["geometry_msgs/msg/Vector3"](0.0, 0.0, 0.0), np.zeros(36)
    twist = types["geometry_msgs/msg/TwistWithCovariance"](
        types["geometry_msgs/msg/Twist"](vector, vector), covariance
    )
    region = types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
    k = np.array([100.0, 0.0, 56.0, 0.0, 100.0, 42.0, 0.0, 0.0, 1.0])
    kinds = {
        "/camera/color/image_raw": IMAGE,
        depth_topic: COMPRESSED_IMAGE if compressed else IMAGE,
        "/camera/color/camera_info": "sensor_msgs/msg/CameraInfo",
        "/odom": "nav_msgs/msg/Odometry",
    }

    if goal:
        kinds |= {
            "/goal_pose": "geometry_msgs/msg/PoseStamped",
            "/tf": TRANSFORMS,
            "/tf_static": TRANSFORMS,
        }
    straight = types["geometry_msgs/msg/Quaternion"](0.0, 0.0, 0.0, 1.0)

    def transform(parent: str, child: str, stamp: int) -> Any:
        time = types["builtin_interfaces/msg/Time"](*divmod(stamp, SECOND))
        place = types["geometry_msgs/msg/Transform"](vector, straight)
        header = types["std_msgs/msg/Header"](time, parent)
        return types[TRANSFORMS]([types["geometry_msgs/msg/TransformStamped"](header, child, place)])

    def odometry(yaw: float) -> Any:
        turn = types["geometry_msgs/msg/Quaternion"](0.0, 0.0, np.sin(yaw / 2), np.cos(yaw / 2))
        pose = types["geometry_msgs/msg/Pose"](types["geometry_msgs/msg/Point"](0.0, 0.0, 0.0), turn)
        pose = types["geometry_msgs/msg/PoseWithCovariance"](pose, covariance)
        begins = types["std_msgs/msg/Header"](header.stamp, "odom")
        return types[kinds["/odom"]](begins, "base_link", pose, twist)

    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        topics = {name: writer.add_connection(name, kind, typestore=store) for name, kind in kinds.items()}

        def write(topic: str, message: Any, stamp: int, late: int = 0) -> None:
            cdr = message if isinstance(message, bytes) else bytes(store.serialize_cdr(message, kinds[topic]))
            writer.write(topics[topic], stamp + DELAY + late, with_stamp(cdr, stamp))

        def tell(topic: str, message: Any, when: int) -> None:
            writer.write(topics[topic], when + DELAY, store.serialize_cdr(message, kinds[topic]))

        if goal:
            place = types["geometry_msgs/msg/Pose"](types["geometry_msgs/msg/Point"](2.0, 1.0, 0.0), straight)
            nowhen = types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](0, 0), "map")
            tell("/tf_static", transform("base_link", "front", STAMP - SECOND), STAMP - SECOND)
            tell("/goal_pose", types[kinds["/goal_pose"]](nowhen, place), STAMP - SECOND // 2)
        for index in range(count):
            stamp = STAMP + index * SECOND // 10
            if goal:
                tell("/tf", transform("map", "odom", stamp + AHEAD), stamp)
            for step in range(5):
                write("/odom", odometry(0.01 * (5 * index + step)), stamp + step * SECOND // 50)
            height = 112 if index in wrong else 84
            info = types[kinds["/camera/color/camera_info"]](
                header,
                height,
                112,
                "plumb_bob",
                np.zeros(5),
                k,
                np.eye(3).ravel(),
                np.zeros(12),
                0,
                0,
                region,
            )
            write("/camera/color/camera_info", info, stamp)
            write("/camera/color/image_raw", serialize_bgr(picture(index), "front"), stamp)
            if index in depth:
                pixels = np.full((84, 112), 1000 + 10 * index, np.uint16).reshape(-1).view(np.uint8)
                image = types[IMAGE](header, 84, 112, "16UC1", 0, 224, pixels)
                if compressed:
                    png = cv2.imencode(".png", pixels.view(np.uint16).reshape(84, 112))[1].reshape(-1)
                    data = np.concatenate([np.zeros(12, np.uint8), png])
                    image = types[COMPRESSED_IMAGE](header, "16UC1; compressedDepth png", data)
                write(depth_topic, image, stamp, late=30_000_000)  # it takes longer than a picture
    return path
