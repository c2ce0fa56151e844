"""camera_info: raw and rectified images, regions, binning, other resolutions, and what is wrong with it."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")
from sensor_msgs.msg import CameraInfo

from vit_perception.nodes.depth.intrinsics import camera_model
from vit_perception.nodes.depth.settings import DepthSettings

D = [-0.3, 0.1, 0.001, -0.002, 0.0]
K = [500.0, 0.0, 321.0, 0.0, 510.0, 242.0, 0.0, 0.0, 1.0]
P = [400.0, 0.0, 310.0, -40.0, 0.0, 410.0, 230.0, 0.0, 0.0, 0.0, 1.0, 0.0]


def info(**fields):
    message = CameraInfo(height=480, width=640, k=K, d=D, p=P, distortion_model="plumb_bob")
    message.r = np.eye(3).ravel().tolist()
    for name, value in fields.items():
        part = message.roi if hasattr(message.roi, name) and name not in ("height", "width") else message
        setattr(part, name, value)
    return message


def region(left, top, width, height, **fields):
    message = info(**fields)
    message.roi.x_offset, message.roi.y_offset = left, top
    message.roi.width, message.roi.height = width, height
    return message


def pinhole(camera):
    return camera.fx, camera.fy, camera.cx, camera.cy


def test_raw_images_by_k_and_d_and_rectified_ones_by_p():
    raw, rectified = camera_model(info(), False), camera_model(info(), True)
    assert pinhole(raw) == (500, 510, 321, 242)
    assert raw.distortion == tuple(D)
    assert not raw.fisheye
    assert pinhole(rectified) == (400, 410, 310, 230)
    assert rectified.distortion == ()


def test_rectified_images_need_no_k_and_raw_ones_no_p():
    assert camera_model(info(k=[0.0] * 9), True).fx == 400
    assert camera_model(info(p=[0.0] * 12), False).fx == 500


@pytest.mark.parametrize("model", ["", "plumb_bob", "none"])
def test_a_lens_that_does_not_bend_needs_no_model(model):
    assert camera_model(info(d=[0.0] * 5, distortion_model=model), False).distortion == ()
    assert camera_model(info(d=[], distortion_model=model), False).distortion == ()


def test_a_fisheye():
    camera = camera_model(info(d=[0.1, 0.0, 0.0, 0.0], distortion_model="equidistant"), False)
    assert camera.fisheye


@pytest.mark.parametrize("rectified", [False, True])
def test_a_region_moves_the_principal_point(rectified):
    camera = camera_model(region(100, 60, 320, 240), rectified)
    whole = camera_model(info(), rectified)
    assert camera.size == (240, 320)
    assert pinhole(camera) == (whole.fx, whole.fy, whole.cx - 100, whole.cy - 60)


def test_a_region_without_size_is_the_whole_image():
    assert camera_model(region(0, 0, 0, 0), False) == camera_model(info(), False)


def test_binning_makes_pixels_larger():
    camera = camera_model(info(binning_x=2, binning_y=4), False)
    assert camera.size == (120, 320)
    # The first two pixels, at 0 and 1, become one, at 0.5.
    assert pinhole(camera) == (250, 127.5, (321 + 0.5) / 2 - 0.5, (242 + 0.5) / 4 - 0.5)


def test_a_region_is_of_the_sensor_s_pixels_and_is_binned_after():
    camera = camera_model(region(100, 60, 320, 240, binning_x=2, binning_y=2), False)
    assert camera.size == (120, 160)
    assert pinhole(camera) == (250, 255, (221 + 0.5) / 2 - 0.5, (182 + 0.5) / 2 - 0.5)


def test_a_region_that_is_rectified_becomes_another_one():
    whole = camera_model(info(d=[0.0] * 5), True)
    camera = camera_model(region(100, 60, 320, 240, d=[0.0] * 5, do_rectify=True), True)
    # Without distortion, (100 - 321) / 500 * 400 + 310 and so on.
    left, top, right, bottom = 134, 84, 389, 276
    assert camera.size == (bottom - top, right - left)
    assert pinhole(camera) == (400, 410, whole.cx - left, whole.cy - top)


@pytest.mark.parametrize(
    ("message", "rectified", "words"),
    [
        (info(k=[0.0] * 9), False, "calibrate it"),
        (info(p=[0.0] * 12), True, "calibrate it"),
        (info(k=[np.nan] * 9), False, "calibrate it"),
        (info(height=0, width=0), False, "calibrate it"),
        (info(distortion_model="kannala_brandt"), False, "'kannala_brandt' with 5 coefficients is unknown"),
        (info(d=[0.1]), False, "'plumb_bob' with 1 coefficients is unknown"),
        (region(400, 0, 320, 240), False, "320x240 pixels at 400, 0 is not inside 640x480"),
    ],
)
def test_a_wrong_one_is_refused_with_the_reason(message, rectified, words):
    with pytest.raises(ValueError, match=words):
        camera_model(message, rectified)


@pytest.mark.parametrize(
    ("topic", "rectified"),
    [
        ("/camera/color/image_raw", False),
        ("/camera/color/image_rect", True),
        ("/camera/color/image_rect_color/compressed", True),
        ("/rectory/image", False),
        ("image", False),
    ],
)
def test_the_name_of_the_topic_says_whether_images_are_rectified(topic, rectified):
    assert DepthSettings().rectified(topic) is rectified
    assert DepthSettings(geometry="raw").rectified(topic) is False
    assert DepthSettings(geometry="rectified").rectified(topic) is True
