"""Which image topic is that of a camera."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from vit_perception.replay.cdr import IMAGE
from vit_perception.view.discovery import _image_of


def test_a_camera_does_not_get_the_images_of_another():
    """A node of two cameras has subscribed to the first one's images, and the second's are still to come."""
    front = {"/front/image": IMAGE}
    assert _image_of("/front", front, {}) == ("/front/image", IMAGE)
    assert _image_of("/rear", front, {}) is None


def test_the_only_camera_may_have_any_name():
    images = {"/camera/color/image_raw": IMAGE, "/camera/depth/image": IMAGE}
    assert _image_of("", images, images) == ("/camera/color/image_raw", IMAGE)
