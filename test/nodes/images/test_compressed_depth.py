"""Depth as image_transport compresses it, bytes made as its source makes them."""

import struct

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from vit_perception.nodes.depth.pairing import decode_depth
from vit_perception.nodes.images.codec import ImageError
from vit_perception.nodes.images.compressed_depth import encode_compressed_depth

MILLIMETRES = np.uint16([[500, 1000, 0], [3000, 4000, 65535]])
# Its own defaults.
FARTHEST, QUANTUM = 10.0, 100.0


def message(stored, encoding, a=0.0, b=0.0, details="compressedDepth png"):
    data = struct.pack("<iff", 0, a, b) + cv2.imencode(".png", stored)[1].tobytes()
    return CompressedImage(format=f"{encoding}; {details}" if details else encoding, data=data)


def test_millimetres_come_back():
    for given in (message(MILLIMETRES, "16UC1"), encode_compressed_depth(MILLIMETRES, Header())):
        np.testing.assert_allclose(decode_depth(given, (2, 3), 50.0), MILLIMETRES / 1e3, rtol=1e-6)


@pytest.mark.parametrize("details", ["compressedDepth", ""])
def test_older_publishers_say_no_png(details):
    assert decode_depth(message(MILLIMETRES, "16UC1", details=details), (2, 3), 50.0)[0, 1] == 1.0


def test_metres_come_back_as_fine_as_they_were_sent():
    metres = np.linspace(0.5, 9.9, 12, dtype=np.float32).reshape(3, 4)
    a = QUANTUM * (QUANTUM + 1.0)
    b = 1.0 - a / FARTHEST
    inverse = (a / metres + b).astype(np.uint16)
    inverse[0, 0] = 0  # unknown, or too far
    found = decode_depth(message(inverse, "32FC1", a, b), (3, 4), 50.0)
    assert found.dtype == np.float32
    assert found[0, 0] == 0
    # A whole number of the inverse is the less of depth, the farther it is.
    np.testing.assert_allclose(found.ravel()[1:], metres.ravel()[1:], atol=FARTHEST**2 / a + 1e-4)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": "16UC1; compressedDepth rvl"}, "its format is '16UC1; compressedDepth rvl': publish"),
        ({"format": "rgb8; jpeg compressed bgr8"}, "its format is 'rgb8; jpeg compressed bgr8': publish"),
        ({"data": b""}, "0 bytes of '16UC1; compressedDepth png' are no whole picture of 16 bits"),
        ({"data": bytes(5)}, "5 bytes of"),
        ({"data": bytes(40)}, "40 bytes of"),
    ],
)
def test_what_is_no_compressed_depth(change, says):
    given = message(MILLIMETRES, "16UC1")
    for name, value in change.items():
        setattr(given, name, value)
    with pytest.raises(ImageError, match=says):
        decode_depth(given, (2, 3), 50.0)


def test_a_picture_of_eight_bits_a_cut_one_and_one_that_is_too_large():
    with pytest.raises(ImageError, match="no whole picture of 16 bits"):
        decode_depth(message(np.ones((2, 3), np.uint8), "16UC1"), (2, 3), 50.0)
    noise = np.random.default_rng(0).integers(0, 9000, (60, 80), np.uint16)
    cut = message(noise, "16UC1")
    cut.data = bytes(cut.data)[: len(cut.data) // 2]
    with pytest.raises(ImageError, match="no whole picture of 16 bits"):
        decode_depth(cut, (60, 80), 50.0)
    with pytest.raises(ImageError, match="max_megapixels"):
        decode_depth(message(noise, "16UC1"), (60, 80), 1e-3)
