"""Serialised messages that start with a std_msgs/Header: read and replace the stamp, build images.

Frames go through the replay as the bytes that DDS carries, so that a node gets what the bag holds: only the
eight bytes of the stamp are replaced.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any

import numpy as np

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
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
