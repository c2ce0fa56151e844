"""Pictures that are larger than they look: refused by the size in their header, and not decoded."""

import struct
import zlib

import cv2
import numpy as np
import pytest

pytest.importorskip("sensor_msgs.msg", reason="needs the ROS 2 message packages")
from sensor_msgs.msg import CompressedImage, Image

from nodes.images.material import picture
from vit_perception.nodes.images.codec import ImageError, decode, decode_compressed
from vit_perception.nodes.images.header import read_size

SOF = b"\xff\xc0\x00\x11\x08"


def file(extension, *options):
    return cv2.imencode(extension, picture(48, 64), options)[1].tobytes()


def huge_png(width, height):
    """A PNG of a few bytes whose header claims this size."""
    data = file(".png")
    header = b"IHDR" + struct.pack(">II", width, height) + data[24:29]
    return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]


def huge_jpeg(width, height):
    data = file(".jpg")
    at = data.index(SOF) + len(SOF)
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def peak_bytes():
    """Most memory that this process has had since the peak was last reset."""
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.mark.parametrize(
    "data",
    [
        *(file(extension) for extension in (".jpg", ".png", ".webp", ".tiff", ".bmp", ".ppm")),
        file(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        file(".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
        file(".jpg").replace(SOF, b"\xff\xff\xff" + SOF),  # as many FF before a marker as one likes
        file(".jpg").replace(SOF, b"between segments" + SOF),
    ],
    ids=["jpg", "png", "webp", "tiff", "bmp", "ppm", "progressive", "restarts", "filled", "noisy"],
)
def test_the_size_is_that_of_the_decoded_picture(data):
    pixels = decode_compressed(CompressedImage(format="file", data=data))
    assert read_size(data) == (pixels.shape[1], pixels.shape[0]) == (64, 48)


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".tiff", ".bmp", ".ppm"])
def test_of_any_beginning_of_a_file_the_size_is_right_or_unknown(extension):
    data = file(extension)
    assert {read_size(data[:length]) for length in [*range(40), *range(40, len(data), 3)]} <= {None, (64, 48)}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (huge_png(12000, 12000), "12000x12000 pixels, 144 megapixels, where max_megapixels allows 50"),
        (huge_jpeg(16000, 16001), "16000x16001 pixels, 256 megapixels, where max_megapixels"),
        (huge_png(2**31 - 1, 2**31 - 1), "image of 2147483647x2147483647 pixels"),
    ],
    ids=["png", "jpeg", "absurd"],
)
def test_a_file_that_claims_to_be_huge(data, reason):
    with pytest.raises(ImageError, match=reason):
        decode_compressed(CompressedImage(format="file", data=data), max_megapixels=50)


def test_a_file_that_is_huge_takes_no_memory():
    """The bomb that took 1.7 GB."""
    data = cv2.imencode(".png", np.zeros((12000, 12000), np.uint8))[1].tobytes()
    message = CompressedImage(format="png", data=data)
    assert len(data) < 500_000
    with open("/proc/self/clear_refs", "w") as peak:
        peak.write("5")
    before = peak_bytes()
    with pytest.raises(ImageError, match="12000x12000"):
        decode_compressed(message, max_megapixels=50)
    assert peak_bytes() - before < 20e6


def test_a_raw_image_has_the_same_limit():
    message = Image(encoding="bgr8", width=10, height=6, step=30, data=bytes(180))
    assert decode(message, max_megapixels=60e-6).shape == (6, 10, 3)
    with pytest.raises(ImageError, match="10x6 pixels, 6e-05 megapixels, where max_megapixels"):
        decode(message, max_megapixels=59e-6)
