"""Every encoding as it comes: both ways, padding, byte order, no copies, refusals by name."""

import array
import sys

import numpy as np
import pytest

pytest.importorskip("sensor_msgs.msg", reason="needs the ROS 2 message packages")
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from nodes.images.material import EVERY, HEIGHT, NUMBERS, PICTURES, WIDTH, padded, picture, samples
from vit_perception.nodes.images.codec import ImageError, decode, encode


@pytest.mark.parametrize("encoding", EVERY)
def test_native_pixels_survive_both_ways(encoding):
    pixels = samples(encoding)
    header = Header(frame_id="camera")
    msg = encode(pixels, encoding, header)
    assert (msg.height, msg.width, msg.encoding, msg.header) == (HEIGHT, WIDTH, encoding, header)
    assert bytes(msg.data) == pixels.tobytes()
    assert msg.is_bigendian == (sys.byteorder == "big")
    back = decode(msg, "passthrough")
    assert back.dtype == pixels.dtype
    np.testing.assert_array_equal(back, pixels)


@pytest.mark.parametrize("encoding", EVERY)
def test_padding_after_each_row_is_skipped(encoding):
    msg = encode(samples(encoding), encoding, Header())
    np.testing.assert_array_equal(decode(padded(msg), "passthrough"), decode(msg, "passthrough"))


@pytest.mark.parametrize("encoding", PICTURES)
def test_padding_does_not_change_colours(encoding):
    msg = encode(picture(), encoding, Header(), source="bgr8")
    np.testing.assert_array_equal(decode(padded(msg, 3), "bgr8"), decode(msg, "bgr8"))


@pytest.mark.parametrize("encoding", EVERY)
def test_foreign_byte_order(encoding):
    pixels = samples(encoding)
    msg = encode(pixels.byteswap(), encoding, Header())
    msg.is_bigendian = int(sys.byteorder == "little")
    back = decode(padded(msg), "passthrough")
    assert back.dtype.isnative
    np.testing.assert_array_equal(back, pixels)


@pytest.mark.parametrize("encoding", ["bgr8", "rgb8", "mono8", "rgba8", "16UC1", "32FC1", "yuyv", "nv21"])
def test_no_copy_where_nothing_changes(encoding):
    msg = encode(samples(encoding), encoding, Header())
    view = decode(msg, encoding)
    assert np.shares_memory(view, np.frombuffer(msg.data, np.uint8))
    assert not view.flags.writeable


def test_padded_rows_are_a_view_too():
    msg = padded(encode(picture(), "bgr8", Header()))
    view = decode(msg, "bgr8")
    assert np.shares_memory(view, np.frombuffer(msg.data, np.uint8))
    assert view.strides == (msg.step, 3, 1)


def test_a_crop_is_encoded_without_its_surroundings():
    whole = picture()
    msg = encode(whole[1:4, 2:6], "bgr8", Header())
    assert (msg.height, msg.width, msg.step) == (3, 4, 12)
    np.testing.assert_array_equal(decode(msg), whole[1:4, 2:6])


def broken(**changes):
    msg = encode(picture(), "bgr8", Header())
    for name, value in changes.items():
        setattr(msg, name, value)
    return msg


@pytest.mark.parametrize(
    ("msg", "says"),
    [
        (broken(encoding="bgr9"), "unknown image encoding 'bgr9'"),
        (broken(encoding=""), "unknown image encoding ''"),
        (broken(encoding="8UC0"), "unknown image encoding '8UC0'"),
        (broken(height=0), "8x0 pixels"),
        (broken(width=0), "0x6 pixels"),
        (Image(), "unknown image encoding ''"),
        (broken(step=0), "step 0, but 8 pixels need 24 bytes"),
        (broken(step=23), "step 23, but 8 pixels need 24 bytes"),
        (broken(step=32), "needs 192 bytes, data has 144"),
        (broken(height=7), "needs 168 bytes, data has 144"),
        (broken(height=5), "needs 120 bytes, data has 144"),
        (broken(data=array.array("B")), "needs 144 bytes, data has 0"),
        (broken(data=array.array("B", bytes(143))), "needs 144 bytes, data has 143"),
        (broken(encoding="uyvy", width=7), "even width"),
        (broken(encoding="nv21", width=7), "even sides"),
        (broken(encoding="nv12", height=5), "even sides"),
        (broken(encoding="bayer_rggb8", width=2), "3x3"),
        (broken(width=2**32 - 1, height=2**32 - 1, step=2**32 - 1), "step 4294967295, but"),
    ],
)
def test_broken_messages_are_refused_by_name(msg, says):
    with pytest.raises(ImageError, match=says):
        decode(msg)


@pytest.mark.parametrize("encoding", NUMBERS)
@pytest.mark.parametrize("colours", ["bgr8", "rgb8", "mono8", "mono16", "yuyv", "bayer_rggb8"])
def test_numbers_are_not_colours(encoding, colours):
    msg = encode(samples(encoding), encoding, Header())
    with pytest.raises(ImageError, match=f"cannot convert {encoding} to {colours}"):
        decode(msg, colours)


@pytest.mark.parametrize("encoding", ["32FC1", "32FC3", "64FC3"])
def test_nan_images_are_refused(encoding):
    pixels = np.full_like(samples(encoding), np.nan)
    with pytest.raises(ImageError, match=f"cannot convert {encoding} to bgr8"):
        decode(encode(pixels, encoding, Header()))


def test_a_picture_is_no_measurement():
    msg = encode(picture(), "bgr8", Header())
    with pytest.raises(ImageError, match="cannot convert bgr8 to 32FC1"):
        decode(msg, "32FC1")
    with pytest.raises(ImageError, match="unknown image encoding 'colour'"):
        decode(msg, "colour")


@pytest.mark.parametrize(
    ("pixels", "encoding", "source", "says"),
    [
        (np.zeros((4, 4), np.int64), "mono8", None, "mono8 takes 1 channels of uint8"),
        (np.zeros((4, 4), np.uint8), "bgr8", None, "bgr8 takes 3 channels of uint8"),
        (np.zeros((4, 4, 3), np.uint8), "bgr8", "bgra8", "bgra8 takes 4 channels"),
        (np.zeros(16, np.uint8), "mono8", None, "mono8 takes 1 channels"),
        (np.zeros((0, 4), np.uint8), "mono8", None, "4x0 pixels"),
        (np.zeros((4, 4, 3), np.uint8), "nope", "bgr8", "unknown image encoding 'nope'"),
        (np.zeros((4, 5, 3), np.uint8), "yuyv", "bgr8", "even width"),
        (np.zeros((5, 4, 3), np.uint8), "nv21", "bgr8", "even sides"),
        (np.zeros((7, 4), np.uint8), "nv21", None, "nv21 array has 7 rows"),
        (np.zeros((7, 4), np.uint8), "nv24", None, "nv24 array has 7 rows"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(pixels, encoding, source, says):
    with pytest.raises(ImageError, match=says):
        encode(pixels, encoding, Header(), source=source)
