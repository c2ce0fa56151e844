"""Messages of a bag without ROS: types that rosbags does not bring, and images as arrays."""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

import cv2
import numpy as np
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
DETECTIONS = "vision_msgs/msg/Detection2DArray"
LABELS = "vision_msgs/msg/LabelInfo"

# vision_msgs 4, as ROS 2 has it from Humble on. Bags of sqlite3 do not always carry definitions.
_VISION = {
    "Point2D": "float64 x\nfloat64 y",
    "Pose2D": "vision_msgs/Point2D position\nfloat64 theta",
    "BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y",
    "ObjectHypothesis": "string class_id\nfloat64 score",
    "ObjectHypothesisWithPose": "vision_msgs/ObjectHypothesis hypothesis\n"
    "geometry_msgs/PoseWithCovariance pose",
    "Detection2D": "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
    "vision_msgs/BoundingBox2D bbox\nstring id",
    "Detection2DArray": "std_msgs/Header header\nvision_msgs/Detection2D[] detections",
    "VisionClass": "uint16 class_id\nstring class_name",
    "LabelInfo": "std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold",
}
# Encoding → type and channels of a pixel, and OpenCV's conversion to RGB.
_COLOURS = {
    "rgb8": (np.uint8, 3, None),
    "bgr8": (np.uint8, 3, cv2.COLOR_BGR2RGB),
    "8UC3": (np.uint8, 3, cv2.COLOR_BGR2RGB),
    "rgba8": (np.uint8, 4, cv2.COLOR_RGBA2RGB),
    "bgra8": (np.uint8, 4, cv2.COLOR_BGRA2RGB),
    "mono8": (np.uint8, 1, cv2.COLOR_GRAY2RGB),
    "8UC1": (np.uint8, 1, cv2.COLOR_GRAY2RGB),
    "yuv422_yuy2": (np.uint8, 2, cv2.COLOR_YUV2RGB_YUY2),
    "uyvy": (np.uint8, 2, cv2.COLOR_YUV2RGB_UYVY),
    "yuv422": (np.uint8, 2, cv2.COLOR_YUV2RGB_UYVY),
}
_NUMBERS = {"mono8": np.uint8, "8UC1": np.uint8, "mono16": np.uint16, "16UC1": np.uint16, "32FC1": np.float32}


@cache
def _typestore() -> Any:
    store = get_typestore(Stores.ROS2_JAZZY)
    types: dict[str, Any] = {}
    for name, text in _VISION.items():
        types.update(get_types_from_msg(text, f"vision_msgs/msg/{name}"))
    store.register(types)
    return store


def decode(data: bytes, message_type: str) -> Any:
    """The message in serialised bytes.

    Raises:
        ValueError: it is cut off, or of another type.
    """
    try:
        return _typestore().deserialize_cdr(data, message_type)
    except Exception as error:  # what rosbags raises for bytes that do not fit depends on where they end
        raise ValueError(f"a message is not a whole {message_type}") from error


def stamp_ns(data: bytes) -> int:
    """The header's stamp, in nanoseconds, of a serialised message that starts with a header.

    Raises:
        ValueError: it is too short for one.
    """
    # Four bytes of encapsulation come first; the lowest bit of the second one is the byte order.
    if len(data) < 12:
        raise ValueError("a message is too short to hold a header")
    seconds, nanoseconds = struct.unpack_from("<iI" if data[1] & 1 else ">iI", data, 4)
    return int(seconds) * 1_000_000_000 + int(nanoseconds)


def colours(message: Any, message_type: str) -> np.ndarray:
    """(H, W, 3) uint8 RGB of an image message, compressed or not.

    Raises:
        ValueError: it is damaged, or of an encoding that is not read here.
    """
    if message_type == COMPRESSED_IMAGE:
        pixels = cv2.imdecode(message.data, cv2.IMREAD_COLOR_RGB) if message.data.size else None
        if pixels is None:
            raise ValueError("a compressed image is not a picture that OpenCV can read")
        return np.asarray(pixels)
    encoding = message.encoding.lower() if message.encoding not in _COLOURS else message.encoding
    if encoding not in _COLOURS:
        raise ValueError(f"an image has encoding {message.encoding!r}: there are {', '.join(_COLOURS)}")
    dtype, channels, conversion = _COLOURS[encoding]
    pixels = _rows(message, np.dtype(dtype), channels)
    return pixels.copy() if conversion is None else np.asarray(cv2.cvtColor(pixels, conversion))


def numbers(message: Any) -> np.ndarray:
    """(H, W) values of an image message with one channel, in native byte order.

    Raises:
        ValueError: it is damaged, or has more channels.
    """
    if message.encoding not in _NUMBERS:
        raise ValueError(f"an image has encoding {message.encoding!r}: there are {', '.join(_NUMBERS)}")
    return _rows(message, np.dtype(_NUMBERS[message.encoding]), 1)


def _rows(message: Any, dtype: np.dtype, channels: int) -> np.ndarray:
    """(H, W) or (H, W, channels) samples, without what pads the rows."""
    height, width, step = message.height, message.width, message.step
    row = width * channels * dtype.itemsize
    if not height or not width or step < row or len(message.data) != height * step:
        raise ValueError(
            f"an image of {width} x {height} pixels has {len(message.data)} bytes: it is damaged"
        )
    stored = dtype.newbyteorder(">" if message.is_bigendian else "<")
    samples = np.ascontiguousarray(message.data.reshape(height, step)[:, :row]).view(stored)
    samples = samples.astype(dtype, copy=False)
    return samples if channels == 1 else samples.reshape(height, width, channels)
