"""JPEG and PNG messages: colours, depth of the samples, refusals by name."""

import cv2
import numpy as np
import pytest

pytest.importorskip("sensor_msgs.msg", reason="needs the ROS 2 message packages")
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from nodes.images.material import HEIGHT, WIDTH, picture
from vit_perception.nodes.images.codec import ImageError, decode, decode_compressed, encode


def compressed(pixels, extension, text):
    ok, data = cv2.imencode(extension, pixels)
    assert ok
    return CompressedImage(format=text, data=data.tobytes())


@pytest.mark.parametrize(
    ("extension", "text", "tolerance"),
    [
        (".jpg", "jpeg", 6),
        (".jpg", "jpg", 6),
        (".jpg", "", 6),
        (".jpg", "bgr8; jpeg compressed bgr8", 6),
        (".jpg", "rgb8; jpeg compressed bgr8", 6),
        (".png", "png", 0),
        (".png", "rgb8; png compressed bgr8", 0),
        (".png", "8UC3; png compressed ", 0),
    ],
)
def test_compressed_pictures(extension, text, tolerance):
    bgr = picture(48, 64)
    msg = compressed(bgr, extension, text)
    np.testing.assert_allclose(decode_compressed(msg).astype(int), bgr, atol=tolerance)
    np.testing.assert_allclose(decode_compressed(msg, "rgb8").astype(int), bgr[..., ::-1], atol=tolerance)


def test_a_file_with_red_stored_first():
    msg = compressed(picture()[..., ::-1], ".png", "rgb8; png compressed rgb8")
    np.testing.assert_array_equal(decode_compressed(msg), picture())


@pytest.mark.parametrize(("dtype", "scale"), [(np.uint8, 1), (np.uint16, 257)])
def test_compressed_grey_and_deep_pictures(dtype, scale):
    grey = picture()[..., 0]
    msg = compressed(
        grey.astype(dtype) * dtype(scale), ".png", f"mono{8 * dtype().itemsize}; png compressed "
    )
    np.testing.assert_array_equal(decode_compressed(msg), np.repeat(grey[..., None], 3, axis=2))
    msg = compressed(picture().astype(dtype) * dtype(scale), ".png", "png")
    np.testing.assert_array_equal(decode_compressed(msg), picture())


def test_compressed_transparency_and_bayer():
    bgra = np.dstack([picture(), np.full((HEIGHT, WIDTH), 9, np.uint8)])
    np.testing.assert_array_equal(decode_compressed(compressed(bgra, ".png", "png")), picture())
    mosaic = encode(picture(), "bayer_grbg8", Header(), source="bgr8")
    msg = compressed(decode(mosaic, "passthrough"), ".png", "bayer_grbg8; png compressed ")
    np.testing.assert_array_equal(decode_compressed(msg), decode(mosaic))


def test_compressed_depth_is_refused_as_colour_and_kept_as_depth():
    depth = np.arange(48, dtype=np.uint16).reshape(6, 8)
    msg = compressed(depth, ".png", "16UC1; png compressed ")
    np.testing.assert_array_equal(decode_compressed(msg, "16UC1"), depth)
    with pytest.raises(ImageError, match="cannot convert 16UC1 to bgr8"):
        decode_compressed(msg)
    with pytest.raises(ImageError, match="'16UC1; compressedDepth png' carries depth"):
        decode_compressed(CompressedImage(format="16UC1; compressedDepth png", data=b"x" * 99))


@pytest.mark.parametrize("extension", [".jpg", ".png"])
@pytest.mark.parametrize("kept", [0.0, 0.05, 0.5, 0.95])
def test_truncated_files_are_refused(extension, kept):
    msg = compressed(picture(48, 64), extension, "file")
    whole = bytes(msg.data)
    msg.data = whole[: int(len(whole) * kept)]
    with pytest.raises(ImageError, match="not a whole picture"):
        decode_compressed(msg)


def test_noise_is_no_file():
    with pytest.raises(ImageError, match="64 bytes of compressed format 'jpeg'"):
        decode_compressed(CompressedImage(format="jpeg", data=bytes(range(64))))
