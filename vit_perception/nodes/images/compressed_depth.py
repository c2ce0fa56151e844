"""Depth as image_transport's compressed_depth_image_transport sends it, and back.

A header of 12 bytes (what it is, and two numbers a and b) comes before a PNG of 16 bits: 16UC1 as it is, and
of 32FC1 whole numbers q of its inverse, from which the depth is a / (q - b), and unknown where q is 0.
"""

from __future__ import annotations

import struct

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from vit_perception.nodes.images.codec import check_megapixels
from vit_perception.nodes.images.encodings import ImageError
from vit_perception.nodes.images.header import read_size

# ConfigHeader in its source: an enumeration and two floats, in the byte order of all that send it.
_HEADER = struct.Struct("<i2f")
_INVERSE_DEPTH = 0


def decode_compressed_depth(msg: CompressedImage, max_megapixels: float) -> tuple[str, np.ndarray]:
    """The encoding before the compression, and depth in its unit: (H, W) uint16 of 16UC1, float32 of 32FC1.

    Args:
        msg: whose `format` is `16UC1; compressedDepth png`, or `32FC1; …`, or without the word png.
        max_megapixels: of an image that is decoded.

    Raises:
        ImageError: it is compressed in another way, broken or too large.
    """
    encoding, _, details = (part.strip() for part in msg.format.partition(";"))
    if encoding not in ("16UC1", "32FC1") or details not in ("", "compressedDepth", "compressedDepth png"):
        raise ImageError(
            f"its format is {msg.format!r}: publish compressedDepth of 16UC1 or 32FC1, with png as the format"
        )
    data = bytes(msg.data)
    size = read_size(data[_HEADER.size :])
    if size is not None:
        check_megapixels(*size, max_megapixels)
    stored = None
    if size is not None:
        stored = cv2.imdecode(np.frombuffer(data, np.uint8, offset=_HEADER.size), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype != np.uint16 or stored.ndim != 2:
        raise ImageError(f"{len(data)} bytes of {msg.format!r} are no whole picture of 16 bits")
    if encoding == "16UC1":
        return encoding, stored
    _, a, b = _HEADER.unpack_from(data)
    with np.errstate(divide="ignore"):
        depth = np.float32(a) / (stored.astype(np.float32) - np.float32(b))
    depth[stored == 0] = np.nan
    return encoding, depth


def encode_compressed_depth(millimetres: np.ndarray, header: Header) -> CompressedImage:
    """A message of an (H, W) uint16 array."""
    png = cv2.imencode(".png", millimetres)[1].tobytes()
    return CompressedImage(
        header=header, format="16UC1; compressedDepth png", data=_HEADER.pack(_INVERSE_DEPTH, 0.0, 0.0) + png
    )
