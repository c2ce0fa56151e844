"""Boxes in a made scene whose geometry is known: a wall, and what stands before it."""

from __future__ import annotations

import numpy as np
import pytest

from vit_perception.runtime.boxes_3d import NO_REGION, Boxes3D, Regions, View, boxes_3d, nearest_surface
from vit_perception.runtime.camera_model import CameraModel

SIZE = (480, 640)
CAMERA = CameraModel(500.0, 510.0, 300.0, 250.0, SIZE)
WALL = 5.0
# (x, y, z) metres of two opposite corners of a sheet that faces the camera.
SHEET = ((-0.5, -0.2), (0.3, 0.4), 2.0)


def pixels(size: tuple[int, int] = SIZE, camera: CameraModel = CAMERA) -> tuple[np.ndarray, np.ndarray]:
    """Rays through the centres of pixels: x and y at one metre, (H, W) each."""
    camera = camera.scaled(size)
    v, u = np.mgrid[: size[0], : size[1]].astype(np.float64)
    return (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy


def scene(size: tuple[int, int] = SIZE) -> np.ndarray:
    """Depth (H, W) of the sheet before the wall."""
    (left, top), (right, bottom), z = SHEET
    x, y = pixels(size)
    inside = (x * z >= left) & (x * z < right) & (y * z >= top) & (y * z < bottom)
    return np.where(inside, z, WALL).astype(np.float32)


def box_of(low: tuple[float, float], high: tuple[float, float], z: float) -> np.ndarray:
    """(1, 4): where a rectangle at z is seen, in pixels from the image's edge."""
    corners = [
        focal * value / z + centre + 0.5
        for point in (low, high)
        for focal, value, centre in zip((CAMERA.fx, CAMERA.fy), point, (CAMERA.cx, CAMERA.cy), strict=True)
    ]
    return np.array([corners], np.float32)


def check_sheet(found: Boxes3D) -> None:
    np.testing.assert_allclose(found.centres, [[-0.1, 0.1, 2.0]], atol=1e-3)
    np.testing.assert_allclose(found.sizes, [[0.8, 0.6, 0.0]], atol=1e-3)
    assert found.kept.tolist() == [0]
    assert found.left_out.tolist() == []
    assert found.centres.dtype == found.sizes.dtype == np.float32


@pytest.mark.parametrize("size", [SIZE, (240, 320), (360, 320), (960, 1280)], ids=str)
def test_a_sheet_is_where_it_is_whatever_the_size_of_its_depth(size: tuple[int, int]) -> None:
    check_sheet(boxes_3d(box_of(*SHEET), SIZE, View(scene(size), CAMERA)))


def test_a_camera_calibrated_at_another_size_is_scaled() -> None:
    # Twice as large: edges at 0 and 1280, so that the middle of the first two pixels is at 0.5.
    double = CameraModel(1000.0, 1020.0, 600.5, 500.5, (960, 1280))
    halved = double.scaled(SIZE)
    assert (halved.fx, halved.fy, halved.cx, halved.cy) == pytest.approx((500, 510, 300, 250))
    check_sheet(boxes_3d(box_of(*SHEET), SIZE, View(scene(), double)))


def test_holes_and_what_shows_through_them_do_not_matter() -> None:
    generator = np.random.default_rng(0)
    depth = scene()
    sheet = depth < WALL
    depth[sheet & (generator.random(SIZE) < 0.3)] = WALL
    for hole in (np.nan, np.inf, 0.0, -1.0):
        depth[sheet & (generator.random(SIZE) < 0.1)] = hole
    check_sheet(boxes_3d(box_of(*SHEET), SIZE, View(depth, CAMERA)))


def test_a_box_that_is_too_large_by_a_fifth_still_finds_the_distance() -> None:
    (left, top), (right, bottom), z = SHEET
    loose = box_of((left - 0.08, top - 0.06), (right + 0.08, bottom + 0.06), z)
    found = boxes_3d(loose, SIZE, View(scene(), CAMERA))
    np.testing.assert_allclose(found.centres, [[-0.1, 0.1, 2.0]], atol=1e-3)
    np.testing.assert_allclose(found.sizes, [[0.96, 0.72, 0.0]], atol=1e-3)


def test_a_slanted_sheet_has_the_depth_of_what_is_seen_of_it() -> None:
    # z = 3 + x: a ray at x metres a metre meets it at 3 / (1 - x).
    x, _ = pixels()
    depth = (3 / (1 - x)).astype(np.float32)
    box = np.array([[250.5, 200, 350.5, 300]], np.float32)  # its middle is the optical axis
    found = boxes_3d(box, SIZE, View(depth, CAMERA))
    np.testing.assert_allclose(found.centres[0, [0, 2]], [0, 3], atol=0.01)
    # Of the inner half, 50 pixels wide, nine tenths: from -22.5 to 22.5 pixels.
    assert found.sizes[0, 2] == pytest.approx(3 / (1 - 0.045) - 3 / (1 + 0.045), rel=0.05)


def test_boxes_without_depth_are_left_out_and_named() -> None:
    depth = scene()
    depth[:100] = np.nan
    boxes = np.concatenate(
        [np.float32([[10, 10, 60, 60]]), box_of(*SHEET), np.float32([[0, 0, 640, 90], [600, 440, 640, 480]])]
    )
    found = boxes_3d(boxes, SIZE, View(depth, CAMERA))
    assert found.kept.tolist() == [1, 3]
    assert found.left_out.tolist() == [0, 2]
    np.testing.assert_allclose(found.centres[:, 2], [2, WALL], atol=1e-6)
    assert found.centres.shape == found.sizes.shape == (2, 3)


def test_no_boxes_are_no_boxes() -> None:
    found = boxes_3d(np.zeros((0, 4), np.float32), SIZE, View(scene(), CAMERA))
    assert found.centres.shape == found.sizes.shape == (0, 3)
    assert len(found.kept) == len(found.left_out) == 0


@pytest.mark.parametrize("box", [[639.5, 479.5, 640, 480], [0, 0, 0.5, 0.5], [100.2, 100.2, 100.7, 100.7]])
def test_the_smallest_boxes_have_a_pixel(box: list[float]) -> None:
    found = boxes_3d(np.float32([box]), SIZE, View(scene((48, 64)), CAMERA))
    assert found.centres[0, 2] == WALL


def test_its_region_is_what_an_object_with_gaps_is_measured_by() -> None:
    """A fence of thin bars, of which the box shows mostly the wall."""
    depth, pixels = np.full(SIZE, WALL, np.float32), np.zeros(SIZE, np.uint8)
    for column in range(200, 400, 20):
        depth[100:300, column : column + 2] = 2.0
        pixels[100:300, column : column + 2] = 7
    box = np.float32([[200, 100, 400, 300]])
    seen = View(depth, CAMERA)
    assert boxes_3d(box, SIZE, seen).centres[0, 2] == WALL
    assert boxes_3d(box, SIZE, seen, Regions(pixels, np.int64([7]))).centres[0, 2] == 2
    # At half the size, of another class, or of none.
    assert boxes_3d(box, SIZE, seen, Regions(pixels[::2, ::2], np.int64([7]))).centres[0, 2] == 2
    for number in (3, NO_REGION):
        assert boxes_3d(box, SIZE, seen, Regions(pixels, np.int64([number]))).centres[0, 2] == WALL


def test_a_region_that_spills_over_and_noise_before_it_do_not_matter() -> None:
    generator = np.random.default_rng(0)
    depth = scene()
    sheet = depth < WALL
    pixels = np.ones(SIZE, np.uint8)  # the class of all that is seen
    depth[generator.random(SIZE) < 0.05] = 0.3
    found = boxes_3d(box_of(*SHEET), SIZE, View(depth, CAMERA), Regions(pixels, np.int64([1])))
    check_sheet(found)
    (left, top), (right, bottom), z = SHEET
    loose = box_of((left - 0.2, top - 0.2), (right + 0.2, bottom + 0.2), z)
    found = boxes_3d(loose, SIZE, View(depth, CAMERA), Regions(pixels, np.int64([1])))
    assert found.centres[0, 2] == 2
    assert sheet.any()


def test_objects_of_one_class_keep_their_own_distance() -> None:
    depth, pixels = np.full(SIZE, WALL, np.float32), np.zeros(SIZE, np.uint16)
    depth[100:300, 100:300], pixels[100:300, 100:300] = 3.0, 1
    depth[100:300, 200:400], pixels[100:300, 200:400] = 2.0, 2  # before the other
    boxes = np.float32([[100, 100, 300, 300], [200, 100, 400, 300]])
    found = boxes_3d(boxes, SIZE, View(depth, CAMERA), Regions(pixels, np.int64([1, 2])))
    assert found.centres[:, 2].tolist() == [3, 2]


def test_a_lens_that_bends_moves_a_box_to_where_its_rays_are() -> None:
    bent = CameraModel(500.0, 510.0, 300.0, 250.0, SIZE, (-0.3, 0.1, 0.001, -0.002, 0.0))
    box = np.float32([[20, 20, 120, 100]])
    found = boxes_3d(box, SIZE, View(np.full(SIZE, 2, np.float32), bent))
    x, y = bent.rays(np.array([69.5]), np.array([59.5]))[0]
    np.testing.assert_allclose(found.centres, [[2 * x, 2 * y, 2]], atol=1e-6)
    straight = boxes_3d(box, SIZE, View(np.full(SIZE, 2, np.float32), CAMERA))
    assert found.centres[0, 0] < straight.centres[0, 0] - 0.05, "barrel: the edge is farther out"


@pytest.mark.parametrize(
    ("depths", "wanted"),
    [
        ([2.0] * 6 + [5.0] * 4, 2.0),
        ([2.0] * 2 + [5.0] * 8, 5.0),  # too few
        ([1.0, 1.0, 2.0, 2.0, 3.0, 3.0], 1.0),  # of surfaces alike, the nearest
        ([2.0, 2.05, 2.1, 2.15, 2.2], 2.1),
        ([np.nan, 0.0, np.inf, 2.0, 2.0], 2.0),
        ([np.nan] * 8 + [2.0] * 2, np.nan),  # most of it is beyond the range
        ([1.0, 2.0, 3.0, 4.0, 5.0], np.nan),
    ],
)
def test_the_nearest_surface_that_has_enough(depths: list[float], wanted: float) -> None:
    found = nearest_surface(np.array(depths, np.float32))
    assert (np.median(found) if len(found) else np.nan) == pytest.approx(wanted, nan_ok=True)


def test_what_is_beyond_the_range_is_not_as_far_as_what_stands_before_it() -> None:
    depth, pixels = np.full(SIZE, np.nan, np.float32), np.full(SIZE, 7, np.uint8)
    depth[100:300, 200:220], pixels[100:300, 200:220] = 1.5, 3
    seen, box = View(depth, CAMERA), np.float32([[150, 100, 350, 300]])
    assert boxes_3d(box, SIZE, seen).left_out.tolist() == [0]
    assert boxes_3d(box, SIZE, seen, Regions(pixels, np.int64([7]))).left_out.tolist() == [0]
    assert boxes_3d(box, SIZE, seen, Regions(pixels, np.int64([3]))).centres[0, 2] == 1.5
