"""The mask in space: every point is where its pixel looks, as far away as it is."""

from __future__ import annotations

import numpy as np
import pytest

from vit_perception.runtime.boxes_3d import View
from vit_perception.runtime.camera_model import CameraModel
from vit_perception.runtime.points import POINT, points
from vit_perception.runtime.results import UNLABELLED, Segmentation

SIZE = (24, 32)
CAMERA = CameraModel(30.0, 31.0, 15.0, 12.5, SIZE)
MASK = np.random.default_rng(0).integers(0, 9, SIZE).astype(np.uint8)
CONFIDENCE = np.random.default_rng(1).integers(0, 256, SIZE).astype(np.uint8)
SEEN = Segmentation(MASK, CONFIDENCE)


def tilted(size: tuple[int, int]) -> np.ndarray:
    """Depth of a plane, z = 2 + x / 2, seen by the camera."""
    columns = np.arange(size[1]) * np.ones((size[0], 1))
    camera = CAMERA.scaled(size)
    x = (columns - camera.cx) / camera.fx
    return (2 / (1 - x / 2)).astype(np.float32)


@pytest.mark.parametrize("size", [SIZE, (48, 64)], ids=str)
def test_one_for_each_pixel_of_the_mask(size: tuple[int, int]) -> None:
    cloud = points(SEEN, View(tilted(size), CAMERA), 1)
    assert cloud.shape == SIZE
    assert cloud.dtype.itemsize == 16
    np.testing.assert_allclose(cloud["z"], 2 + cloud["x"] / 2, atol=0.03)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    np.testing.assert_allclose(cloud["x"] / cloud["z"], (columns - 15.0) / 30, atol=1e-5)
    np.testing.assert_allclose(cloud["y"] / cloud["z"], (rows - 12.5) / 31, atol=1e-5)
    np.testing.assert_array_equal(cloud["class_id"], MASK)
    np.testing.assert_array_equal(cloud["confidence"], CONFIDENCE)


@pytest.mark.parametrize(("step", "shape"), [(2, (12, 16)), (3, (8, 11)), (5, (5, 6)), (64, (1, 1))])
def test_a_step_takes_the_middle_of_so_many_pixels(step: int, shape: tuple[int, int]) -> None:
    whole = points(SEEN, View(tilted(SIZE), CAMERA), 1)
    cloud = points(SEEN, View(tilted(SIZE), CAMERA), step)
    assert cloud.shape == shape
    first = min(step // 2, SIZE[0] - 1), min(step // 2, SIZE[1] - 1)
    for name in POINT.names or ():
        np.testing.assert_array_equal(cloud[name], whole[name][first[0] :: step, first[1] :: step])


def test_what_is_unknown_is_nan_and_keeps_its_class() -> None:
    depth = tilted(SIZE)
    depth[0, :4] = 0, np.nan, np.inf, -1
    mask = MASK.copy()
    mask[5, 5] = UNLABELLED
    cloud = points(Segmentation(mask, CONFIDENCE), View(depth, CAMERA), 1)
    for name in "xyz":
        assert np.isnan(cloud[name][0, :4]).all()
        assert np.isfinite(cloud[name]).sum() == mask.size - 4
    np.testing.assert_array_equal(cloud["class_id"], mask)


def test_a_mask_smaller_than_the_image_has_points_of_its_own_size() -> None:
    half = Segmentation(MASK[:12, :16], CONFIDENCE[:12, :16])
    cloud = points(half, View(tilted(SIZE), CAMERA), 1)
    assert cloud.shape == (12, 16)
    np.testing.assert_allclose(cloud["x"][:, 0] / cloud["z"][:, 0], (0.5 - 15.0) / 30, atol=1e-5)
