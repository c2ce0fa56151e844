"""Serialised messages with stamps: read and replace these, build images.

Messages go through the replay as the bytes that DDS carries, so that a node gets what the bag holds: only the
eight bytes of a stamp are replaced.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
TRANSFORMS = "tf2_msgs/msg/TFMessage"
NANOSECONDS = 1_000_000_000

# Four bytes of encapsulation (the second one's lowest bit is the byte order), then sec and nanosec.
_STAMP = slice(4, 12)


def _layout(cdr: bytes) -> str:
    if len(cdr) < _STAMP.stop:
        raise ValueError(f"a serialised message of {len(cdr)} bytes is too short to hold a header")
    return "<iI" if cdr[1] & 1 else ">iI"


def stamp_ns(cdr: bytes) -> int:
    """Header stamp in nanoseconds.

    Raises:
        ValueError: there are too few bytes for one.
    """
    sec, nanosec = struct.unpack(_layout(cdr), cdr[_STAMP])
    return sec * NANOSECONDS + nanosec


def with_stamp(cdr: bytes, nanoseconds: int) -> bytes:
    """The same message with another header stamp, everything else untouched."""
    stamp = struct.pack(_layout(cdr), *divmod(nanoseconds, NANOSECONDS))
    return b"".join((cdr[: _STAMP.start], stamp, cdr[_STAMP.stop :]))


def stamps_ns(cdr: bytes, message_type: str) -> list[int]:
    """Those of a message in nanoseconds: that of its header, or of each transform.

    Raises:
        ValueError: it is no such message.
    """
    if message_type != TRANSFORMS:
        return [stamp_ns(cdr)]
    stamps = (each.header.stamp for each in _deserialize(cdr, TRANSFORMS).transforms)
    return [stamp.sec * NANOSECONDS + stamp.nanosec for stamp in stamps]


def with_stamps(cdr: bytes, message_type: str, moment: Callable[[int], int]) -> bytes:
    """The same message with what `moment` makes of each stamp in nanoseconds."""
    if message_type != TRANSFORMS:
        return with_stamp(cdr, moment(stamp_ns(cdr)))
    message = _deserialize(cdr, TRANSFORMS)
    for each, stamp in zip(message.transforms, stamps_ns(cdr, TRANSFORMS), strict=True):
        each.header.stamp.sec, each.header.stamp.nanosec = divmod(moment(stamp), NANOSECONDS)
    return bytes(_typestore().serialize_cdr(message, TRANSFORMS))


def encoding(cdr: bytes) -> str:
    """That of a serialised sensor_msgs/Image.

    Raises:
        ValueError: it is no such message.
    """
    return str(_deserialize(cdr, IMAGE).encoding)


def _deserialize(cdr: bytes, message_type: str) -> Any:
    from rosbags.serde import SerdeError

    try:
        return _typestore().deserialize_cdr(cdr, message_type)
    except (SerdeError, struct.error, UnicodeDecodeError, IndexError, AssertionError) as error:
        raise ValueError(f"a message is no {message_type}: {error}") from None


@lru_cache(maxsize=1)
def _typestore() -> Any:
    from rosbags.typesys import Stores, get_typestore

    return get_typestore(Stores.ROS2_JAZZY)


def _header(frame_id: str) -> Any:
    types = _typestore().types
    stamp = types["builtin_interfaces/msg/Time"](sec=0, nanosec=0)
    return types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame_id)


def serialize_bgr(image: np.ndarray, frame_id: str) -> bytes:
    """A `bgr8` sensor_msgs/Image of an (H, W, 3) uint8 array, with a stamp of zero."""
    height, width = image.shape[:2]
    message = _typestore().types[IMAGE](
        header=_header(frame_id),
        height=height,
        width=width,
        encoding="bgr8",
        is_bigendian=0,
        step=3 * width,
        data=np.ascontiguousarray(image, np.uint8).reshape(-1),
    )
    return bytes(_typestore().serialize_cdr(message, IMAGE))


def serialize_jpeg(image: np.ndarray, frame_id: str) -> bytes:
    """A sensor_msgs/CompressedImage of an (H, W, 3) uint8 BGR array, with a stamp of zero."""
    import cv2

    data = cv2.imencode(".jpg", image)[1].reshape(-1)
    message = _typestore().types[COMPRESSED_IMAGE](header=_header(frame_id), format="jpeg", data=data)
    return bytes(_typestore().serialize_cdr(message, COMPRESSED_IMAGE))
