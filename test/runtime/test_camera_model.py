"""Where pixels look: pinholes, and lenses that bend."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vit_perception.runtime.camera_model import CameraModel, ray_map, same_shape
from vit_perception.runtime.distortion import distorted

SIZE = (480, 640)
CAMERA = CameraModel(500.0, 510.0, 300.0, 250.0, SIZE)
LENSES = {
    "plumb_bob": ((-0.3, 0.1, 0.001, -0.002, 0.0), False),
    "rational_polynomial": ((0.4, -0.2, 0.001, 0.002, 0.05, 0.6, -0.1, 0.02), False),
    "equidistant": ((0.05, 0.01, 0.001, -0.001), True),
}


def seen_by_opencv(points: np.ndarray, coefficients: tuple[float, ...], fisheye: bool) -> np.ndarray:
    if fisheye:
        found = cv2.fisheye.distortPoints(points[:, None], np.eye(3), np.array(coefficients))
    else:
        ahead = np.column_stack([points, np.ones(len(points))])
        found, _ = cv2.projectPoints(ahead, np.zeros(3), np.zeros(3), np.eye(3), np.array(coefficients))
    return found.reshape(-1, 2)


@pytest.mark.parametrize("lens", LENSES)
def test_lenses_bend_as_opencv_says_and_back(lens: str) -> None:
    coefficients, fisheye = LENSES[lens]
    points = np.random.default_rng(0).uniform(-0.7, 0.7, (500, 2))
    seen = seen_by_opencv(points, coefficients, fisheye)
    np.testing.assert_allclose(distorted(points, coefficients, fisheye), seen, atol=1e-12)
    camera = CameraModel(500.0, 510.0, 300.0, 250.0, SIZE, coefficients, fisheye)
    rays = camera.rays(seen[:, 0] * 500 + 300, seen[:, 1] * 510 + 250)
    np.testing.assert_allclose(rays, points, atol=1e-6)


def test_a_pixel_that_no_ray_reaches_has_none() -> None:
    # r (1 - 0.9 r²) grows up to 0.405, at r = 0.609, and no farther.
    camera = CameraModel(500.0, 500.0, 320.0, 240.0, SIZE, (-0.9, 0.0, 0.0, 0.0))
    columns = 320 + 500 * np.array([0.0, 0.2, 0.39, 0.42, 0.6])
    rays = camera.rays(columns, np.full(5, 240.0))
    assert np.isnan(rays[:, 0]).tolist() == [False, False, False, True, True]


@pytest.mark.parametrize("lens", [((), False), *LENSES.values()])
def test_images_of_another_size_look_the_same_way(lens: tuple[tuple[float, ...], bool]) -> None:
    camera = CameraModel(500.0, 510.0, 300.0, 250.0, SIZE, *lens)
    # The corner that four pixels share is the centre of one at half the size.
    large, small = ray_map(camera, SIZE), ray_map(camera, (240, 320))
    mean = (large[::2, ::2] + large[1::2, ::2] + large[::2, 1::2] + large[1::2, 1::2]) / 4
    np.testing.assert_allclose(small, mean, atol=1e-4)
    assert small.dtype == np.float32


def test_a_part_of_the_image_looks_as_that_part_does() -> None:
    part = ray_map(CAMERA.cropped(100, 60, (120, 160)), (120, 160))
    np.testing.assert_allclose(part, ray_map(CAMERA, SIZE)[60:180, 100:260], atol=1e-6)


def test_shapes_of_one_view() -> None:
    assert same_shape((480, 640), (240, 320))
    assert same_shape((480, 640), (481, 640))
    assert not same_shape((480, 640), (360, 640))
    assert not same_shape((0, 0), (480, 640))


@pytest.mark.parametrize("wrong", [{"fx": 0.0}, {"cy": np.nan}, {"size": (0, 0)}, {"distortion": (np.inf,)}])
def test_a_camera_that_was_not_calibrated_is_refused(wrong: dict) -> None:
    fields = {"fx": 500.0, "fy": 500.0, "cx": 320.0, "cy": 240.0, "size": SIZE}
    with pytest.raises(ValueError, match=r"focal lengths .* calibrate it"):
        CameraModel(**fields | wrong)
