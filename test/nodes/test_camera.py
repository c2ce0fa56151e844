import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from vit_perception.nodes.camera import camera_names, info_topic


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
def test_camera_info_is_beside_the_images(image, info):
    ((name, topic),) = camera_names([image] if image else []).items()
    assert info_topic(name, topic) == info


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
