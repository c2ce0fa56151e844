"""Every colour encoding to every other: hand-computed pixels, and the same as cv_bridge where it exists."""

import sys
import types

import cv2
import numpy as np
import pytest

pytest.importorskip("sensor_msgs.msg", reason="needs the ROS 2 message packages")
from std_msgs.msg import Header

from nodes.images.material import HEIGHT, PICTURES, WIDTH, YUV, message, picture, samples
from vit_perception.nodes.images.codec import decode, encode
from vit_perception.nodes.images.conversions import (
    bridge_names,
    convert,
    cv_bridge_conversion,
    opencv_convert,
)
from vit_perception.nodes.images.encodings import lookup


@pytest.mark.parametrize("encoding", PICTURES)
@pytest.mark.parametrize("colours", ["bgr8", "rgb8"])
def test_a_picture_survives_every_colour_encoding(encoding, colours):
    bgr = picture()
    expected = bgr if colours == "bgr8" else bgr[..., ::-1]
    back = decode(encode(np.ascontiguousarray(expected), encoding, Header(), source=colours), colours)
    assert back.dtype == np.uint8
    assert back.shape == bgr.shape
    if lookup(encoding).layout == "GRAY":
        expected = np.repeat(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2)
    # Bayer and YUV keep less than every pixel's colour; the rest keeps all, 16-bit included.
    exact = lookup(encoding).layout not in {
        "RGGB",
        "BGGR",
        "GBRG",
        "GRBG",
        "UYVY",
        "YUYV",
        "NV12",
        "NV21",
        "NV24",
    }
    np.testing.assert_allclose(back.astype(int), expected.astype(int), atol=0 if exact else 9)


@pytest.mark.parametrize("source", PICTURES)
@pytest.mark.parametrize("target", PICTURES)
def test_every_picture_converts_to_every_other(source, target):
    msg = encode(picture(), source, Header(), source="bgr8")
    out = decode(msg, target)
    again = encode(out, target, Header())
    assert (again.height, again.width) == (HEIGHT, WIDTH)
    seen, expected = (decode(m, "mono8").astype(int) for m in (again, msg))
    # YUV luma is 16..235 and taken as it is, so grey is compared only within one family.
    if ("yuv" in source or source in YUV) == ("yuv" in target or target in YUV):
        np.testing.assert_allclose(seen, expected, atol=12)


@pytest.mark.parametrize(
    ("encoding", "step", "data", "bgr"),
    [
        ("mono8", 1, [77], (77, 77, 77)),
        ("8UC1", 1, [77], (77, 77, 77)),
        ("rgb8", 3, [10, 20, 30], (30, 20, 10)),
        ("bgr8", 3, [10, 20, 30], (10, 20, 30)),
        ("8UC3", 3, [10, 20, 30], (10, 20, 30)),
        ("rgba8", 4, [10, 20, 30, 99], (30, 20, 10)),
        ("bgra8", 4, [10, 20, 30, 99], (10, 20, 30)),
        ("mono16", 2, [0x00, 0x80], (128, 128, 128)),  # 32768 * 255 / 65535 = 127.502
        ("rgb16", 6, [0xFF, 0xFF, 0x00, 0x00, 0x01, 0x01], (1, 0, 255)),
        ("bgr16", 6, [0xFF, 0xFF, 0x00, 0x00, 0x01, 0x01], (255, 0, 1)),
        ("rgba16", 8, [0xFF, 0xFF, 0x00, 0x00, 0x01, 0x01, 0, 0], (1, 0, 255)),
        ("bgra16", 8, [0xFF, 0xFF, 0x00, 0x00, 0x01, 0x01, 0, 0], (255, 0, 1)),
    ],
)
def test_one_pixel_by_hand(encoding, step, data, bgr):
    msg = message(encoding, np.array(data, np.uint8), 1, 1, step)
    assert tuple(decode(msg, "bgr8")[0, 0]) == bgr
    assert tuple(decode(msg, "rgb8")[0, 0]) == bgr[::-1]


# BT.601: red is Y 81, U 90, V 240; blue is Y 41, U 240, V 110.
@pytest.mark.parametrize(
    ("encoding", "step", "data"),
    [
        ("yuyv", 4, [81, 90, 81, 240] * 2),
        ("yuv422_yuy2", 4, [81, 90, 81, 240] * 2),
        ("uyvy", 4, [90, 81, 240, 81] * 2),
        ("yuv422", 4, [90, 81, 240, 81] * 2),
        ("nv12", 2, [81] * 4 + [90, 240]),
        ("nv21", 2, [81] * 4 + [240, 90]),
        ("nv24", 2, [81] * 4 + [90, 240] * 4),
    ],
)
def test_red_in_yuv_by_hand(encoding, step, data):
    msg = message(encoding, np.array(data, np.uint8), 2, 2, step)
    red = np.broadcast_to(np.array([0, 0, 255]), (2, 2, 3))
    np.testing.assert_allclose(decode(msg, "bgr8").astype(int), red, atol=2)
    written = encode(red.astype(np.uint8), encoding, Header(), source="bgr8")
    np.testing.assert_allclose(np.array(written.data, int), data, atol=1)
    assert written.step == step


def test_nv24_keeps_the_colour_of_each_pixel():
    msg = message("nv24", np.array([81, 41, 90, 240, 240, 110], np.uint8), 1, 2, 2)
    np.testing.assert_allclose(decode(msg, "rgb8").astype(int), [[[255, 0, 0], [0, 0, 255]]], atol=2)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    ("pattern", "place"), [("rggb", (0, 0)), ("bggr", (1, 1)), ("gbrg", (1, 0)), ("grbg", (0, 1))]
)
def test_red_behind_each_bayer_filter(pattern, place, bits):
    mosaic = np.zeros((6, 6), f"u{bits // 8}")
    mosaic[place[0] :: 2, place[1] :: 2] = 2**bits - 1
    msg = message(f"bayer_{pattern}{bits}", mosaic, 6, 6, 6 * bits // 8)
    np.testing.assert_array_equal(decode(msg, "rgb8")[2:4, 2:4], np.broadcast_to([255, 0, 0], (2, 2, 3)))
    red = np.broadcast_to(np.array([255, 0, 0], np.uint8), (6, 6, 3))
    np.testing.assert_array_equal(
        decode(encode(red, msg.encoding, Header(), source="rgb8"), "passthrough"), mosaic
    )


def test_depth_comes_as_it_is():
    depth = np.array([[0.5, np.nan], [np.inf, 3.25]], np.float32)
    np.testing.assert_array_equal(decode(encode(depth, "32FC1", Header()), "32FC1"), depth)
    millimetres = np.array([[500, 0], [65535, 3250]], np.uint16)
    np.testing.assert_array_equal(decode(encode(millimetres, "16UC1", Header()), "16UC1"), millimetres)


@pytest.mark.parametrize("source", PICTURES)
def test_cv_bridge_and_opencv_agree(source):
    bridge = cv_bridge_conversion()
    if bridge is None:
        pytest.skip("cv_bridge is not installed: it comes with a ROS 2 distribution")
    pixels, known = samples(source), lookup(source)
    for target in ("bgr8", "rgb8", "mono8", "bgra8", "rgba8", "bgr16", "mono16"):
        # None: cv_bridge lacks this conversion, and OpenCV makes it.
        if names := bridge_names(known, lookup(target)):
            np.testing.assert_array_equal(
                bridge(pixels, *names), opencv_convert(pixels, known, lookup(target)), err_msg=target
            )


class StandIn:
    """`cv_bridge.CvBridge` by its public interface, with conversions that leave a trace."""

    def __init__(self):
        self.conversions = []

    def cv2_to_imgmsg(self, cvim, encoding="passthrough"):
        return encode(cvim, encoding, Header())

    def imgmsg_to_cv2(self, img_msg, desired_encoding="passthrough"):
        self.conversions.append((img_msg.encoding, desired_encoding))
        return opencv_convert(
            decode(img_msg, "passthrough"), lookup(img_msg.encoding), lookup(desired_encoding)
        )


@pytest.fixture
def bridge(monkeypatch):
    """A module in the place of cv_bridge."""
    stand_in = StandIn()
    module = types.ModuleType("cv_bridge")
    module.CvBridge = lambda: stand_in
    monkeypatch.setitem(sys.modules, "cv_bridge", module)
    cv_bridge_conversion.cache_clear()
    yield stand_in
    cv_bridge_conversion.cache_clear()


@pytest.mark.parametrize("source", ["bayer_rggb8", "yuyv", "rgb16"])
def test_cv_bridge_is_used_by_its_public_interface(bridge, source):
    pixels = samples(source)
    expected = opencv_convert(pixels, lookup(source), lookup("bgr8"))
    np.testing.assert_array_equal(convert(pixels, lookup(source), lookup("bgr8")), expected)
    assert bridge.conversions[-1] == ({"yuyv": "yuv422_yuy2"}.get(source, source), "bgr8")


@pytest.mark.parametrize(
    ("source", "target"), [("rgb8", "bgr8"), ("nv12", "bgr8"), ("bayer_rggb8", "rgba8"), ("bgr8", "yuyv")]
)
def test_opencv_does_what_is_common_and_what_cv_bridge_lacks(bridge, source, target):
    cv_bridge_conversion()
    bridge.conversions.clear()
    convert(samples(source), lookup(source), lookup(target))
    assert not bridge.conversions


@pytest.mark.parametrize("error", [ImportError, AttributeError])
def test_a_broken_cv_bridge_is_not_used(bridge, monkeypatch, error):
    """Built for another NumPy, it imports, and fails when it converts."""

    def broken(*_):
        raise error

    monkeypatch.setattr(StandIn, "imgmsg_to_cv2", broken)
    assert cv_bridge_conversion() is None
    pixels = samples("bayer_rggb8")
    assert convert(pixels, lookup("bayer_rggb8"), lookup("bgr8")).shape == (HEIGHT, WIDTH, 3)
