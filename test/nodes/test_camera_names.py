"""Names of cameras, and of what is beside their images."""

import pytest

from vit_perception.nodes.camera_names import camera_names, compressed, topic_beside, topic_of_camera


def test_names_of_cameras():
    assert camera_names([]) == {"": "image"}
    assert camera_names(["/front/image_raw", "rear/image", "left", "/top/color/image_rect/compressed"]) == {
        "front": "/front/image_raw",
        "rear": "rear/image",
        "left": "left",
        "top/color": "/top/color/image_rect/compressed",
    }


@pytest.mark.parametrize(
    ("image", "info"),
    [
        ("", "camera_info"),
        ("rear/image", "rear/camera_info"),
        ("left", "left/camera_info"),
        ("/front/image_raw", "/front/camera_info"),
        ("/top/color/image_rect/compressed", "/top/color/camera_info"),
    ],
)
def test_camera_info_of_a_camera_is_beside_its_images(image, info):
    ((name, topic),) = camera_names([image] if image else []).items()
    assert topic_of_camera(name, topic, "camera_info") == info


@pytest.mark.parametrize(
    ("image", "info"),
    [
        ("image", "camera_info"),
        ("/image/compressed", "/camera_info"),
        ("/camera/rgb", "/camera/camera_info"),
        ("front/color/image_raw/compressed", "front/color/camera_info"),
    ],
)
def test_what_is_beside_images_takes_the_place_of_the_last_part(image, info):
    assert topic_beside(image, "camera_info") == info
    assert topic_beside(compressed(image), "camera_info") == info


@pytest.mark.parametrize(
    ("topics", "says"),
    [
        (
            ["front/image_raw", "/front/image"],
            "front/image_raw and /front/image would both publish under front",
        ),
        (["/"], "'/' is no topic: give one such as front/image_raw"),
    ],
)
def test_names_that_cannot_be(topics, says):
    with pytest.raises(ValueError, match=says):
        camera_names(topics)
