"""Depth images in metres, and which of them belongs to a colour image."""

import threading

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")
from std_msgs.msg import Header

from vit_perception.nodes.depth.pairing import DepthPairing, decode_depth
from vit_perception.nodes.images import codec
from vit_perception.nodes.images.codec import ImageError


def message(pixels, encoding):
    return codec.encode(pixels, encoding, Header())


def decoded(pixels, encoding, image_size=(2, 3)):
    depth = decode_depth(message(pixels, encoding), image_size, 50.0)
    assert depth.dtype == np.float32
    return depth.tolist()


def test_metres_and_millimetres():
    assert decoded(np.float32([[0.5, 1, 2], [3, 4, 5]]), "32FC1") == [[0.5, 1, 2], [3, 4, 5]]
    found = decoded(np.uint16([[500, 1000, 0], [3000, 4000, 65535]]), "16UC1")
    np.testing.assert_allclose(found, [[0.5, 1, 0], [3, 4, 65.535]], rtol=1e-6)


def test_what_is_unknown_is_0():
    assert decoded(np.float32([[np.nan, np.inf, -np.inf], [-1, 0, 2]]), "32FC1") == [[0, 0, 0], [0, 0, 2]]


def test_padding_and_byte_order():
    image = message(np.uint16([[500, 1000], [2000, 4000]]), "16UC1")
    padded = np.zeros((2, 6), np.uint8)
    padded[:, :4] = np.frombuffer(image.data, np.uint8).reshape(2, 4)
    image.step, image.data = 6, padded.tobytes()
    image.is_bigendian = 1 - image.is_bigendian
    image.data = padded[:, [1, 0, 3, 2, 4, 5]].tobytes()
    np.testing.assert_allclose(decode_depth(image, (4, 4), 50.0), [[0.5, 1], [2, 4]], rtol=1e-6)


def test_depth_of_another_resolution_is_taken_and_of_another_shape_is_not():
    assert decoded(np.ones((2, 3), np.float32), "32FC1", (480, 720))
    with pytest.raises(ImageError, match="it has 3x2 pixels, the colour image 640x480: publish"):
        decoded(np.ones((2, 3), np.float32), "32FC1", (480, 640))


def test_what_is_no_depth():
    with pytest.raises(ImageError, match="encoding is 'mono8': publish 32FC1 in metres"):
        decoded(np.ones((2, 3), np.uint8), "mono8")
    with pytest.raises(ImageError, match="max_megapixels"):
        decode_depth(message(np.ones((2, 3), np.float32), "32FC1"), (2, 3), 1e-6)
    cut = message(np.ones((2, 3), np.float32), "32FC1")
    cut.data = cut.data[:-1]
    with pytest.raises(ImageError, match="truncated"):
        decode_depth(cut, (2, 3), 50.0)


@pytest.fixture
def pairing():
    pairing = DepthPairing()
    for seconds in (1.0, 1.1, 1.2):
        pairing.put(seconds, f"depth of {seconds}")
    return pairing


def test_the_nearest_within_the_tolerance(pairing):
    assert pairing.near(1.11, 0.05) == "depth of 1.1"
    assert pairing.near(0.96, 0.05) == "depth of 1.0"
    assert pairing.near(1.24, 0.05) == "depth of 1.2"
    assert pairing.near(1.3, 0.05) is None


def test_one_that_is_late_is_waited_for(pairing):
    threading.Timer(0.05, pairing.put, (1.3, "depth of 1.3")).start()
    assert pairing.near(1.29, 20.0) == "depth of 1.3"


def test_a_camera_that_stopped_is_not_waited_for_and_comes_back(pairing):
    assert pairing.near(2.0, 0.01) is None
    assert pairing.near(60.0, 30.0) is None  # at once, or this test takes half a minute
    pairing.put(60.0, "depth of 60.0")
    assert pairing.near(60.0, 0.01) == "depth of 60.0"


def test_nothing_ever_came():
    pairing = DepthPairing()
    assert not pairing.ever
    assert pairing.near(1.0, 1000.0) is None
    pairing.put(1.0, "depth")
    assert pairing.ever


def test_time_goes_back(pairing):
    pairing.put(0.1, "depth of 0.1")
    assert pairing.near(1.1, 0.05) is None
    assert pairing.apart == pytest.approx(1.0)
    assert pairing.near(0.1, 0.05) == "depth of 0.1"


def test_a_wait_ends_when_the_node_does(pairing):
    assert pairing.near(1.2, 0.01) == "depth of 1.2"
    threading.Timer(0.05, pairing.interrupt).start()
    assert pairing.near(60.0, 30.0) is None  # soon, or this test takes half a minute
