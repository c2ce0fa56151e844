"""Frames and bags made on the spot, without ROS."""

from pathlib import Path

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from vit_perception.replay.cdr import COMPRESSED_IMAGE, IMAGE, serialize_bgr, serialize_jpeg, with_stamp

SECOND = 1_000_000_000
# When the first image of a bag was taken, and how much later it was recorded.
STAMP = 1_600_000_000 * SECOND
DELAY = 3_000_000


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
