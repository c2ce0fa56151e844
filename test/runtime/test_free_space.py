"""Where free ground ends, from the logits of a map to shares of the picture and metres around a robot."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vit_perception.nodes.navigation.free_space import scan_of_free_space
from vit_perception.nodes.navigation.scan import Scan, filled, scan_of_model, with_scan
from vit_perception.nodes.navigation.transforms import Transform
from vit_perception.runtime.camera_model import CameraModel
from vit_perception.runtime.decode.free_space import free_space
from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.results import Navigation
from vit_perception.sim.robot import optical_rotation

WHOLE = Geometry(source=(48, 64), content=(48, 64), input=(48, 64))
CAMERA = CameraModel(320.0, 320.0, 319.5, 239.5, (480, 640))


def logits_of(rows: np.ndarray, places: int) -> np.ndarray:
    """(places, W): nearly certain of each row, a share."""
    centres = (np.arange(places) + 0.5) / places
    return -(((centres[:, None] - rows) * places) ** 2) * 50


def mount(height: float, pitch: float = 0.0) -> Transform:
    return Transform(np.array((0.1, 0.0, height)), np.array(optical_rotation(pitch)))


def test_rows_are_counted_from_the_top_and_columns_from_the_left():
    rows = np.array([0.125, 0.375, 0.625, 0.875])
    found = free_space(logits_of(rows, 4), WHOLE)
    np.testing.assert_allclose(found[:, 0], [0.125, 0.375, 0.625, 0.875])
    np.testing.assert_allclose(found[:, 1], rows, atol=1e-3)


def test_between_two_places_is_between_them():
    """Half of the probability below the border of two places: the end is at the border."""
    found = free_space(np.array([[-99.0], [0.0], [0.0], [-99.0]]), WHOLE)
    assert found[0, 1] == pytest.approx(0.5)
    found = free_space(np.log(np.array([[1e-9], [0.25], [0.75], [1e-9]])), WHOLE)
    assert found[0, 1] == pytest.approx(0.5 + 0.25 / 3, abs=1e-6), (
        "two thirds of the lower place are below it"
    )


def test_padding_is_no_part_of_the_picture():
    geometry = Geometry(source=(30, 40), content=(24, 32), input=(48, 64))
    found = free_space(logits_of(np.full(8, 0.25), 8), geometry)
    assert len(found) == 4, "the right half of the input is padding"
    np.testing.assert_allclose(found[:, 0], (np.arange(4) + 0.5) / 4)
    np.testing.assert_allclose(found[:, 1], 0.5, atol=0.01)


@pytest.mark.parametrize("pitch", [0.0, 0.2])
@pytest.mark.parametrize("metres", [0.8, 2.0, 3.0])
def test_a_wall_across_is_as_far_as_it_is(metres, pitch):
    """The row at which the foot of a wall across is seen, by hand; the scan is straight across."""
    height, columns = 0.3, (np.arange(24) + 0.5) / 24
    # The camera is 0.1 m ahead of the origin.
    angle = math.atan2(height, metres - 0.1) - pitch
    ends = np.stack([columns, np.full(24, (239.5 + 320.0 * math.tan(angle) + 0.5) / 480)], axis=1)
    scan = scan_of_free_space(ends, CAMERA, mount(height, pitch))
    assert (np.diff(scan.angles) > 0).all()
    np.testing.assert_allclose(scan.metres * np.cos(scan.angles), metres, rtol=0.05)
    middle = np.abs(scan.angles).argmin()
    assert scan.metres[middle] == pytest.approx(metres, rel=0.02)


def test_what_is_on_the_left_is_on_the_left():
    ends = np.array([[0.1, 0.9], [0.5, 0.55], [0.9, 0.55]])
    scan = scan_of_free_space(ends, CAMERA, mount(0.3))
    assert scan.metres[-1] < 1.0 < scan.metres[0], "angles ascend to the left"


def test_above_the_horizon_nothing_is_near():
    scan = scan_of_free_space(np.array([[0.3, 0.4], [0.7, 0.2]]), CAMERA, mount(0.3))
    assert (scan.metres > 100).all()
    assert not len(scan_of_free_space(np.zeros((0, 2)), CAMERA, mount(0.3)).angles)


def test_an_answer_takes_over_what_a_scan_knows():
    angles = np.radians([40, 20, 0, -20, -40]).astype(np.float32)
    found = Navigation(scan=np.full(5, 2.0, np.float32), scan_angles=angles)
    scan = Scan(np.radians([-25.0, -10.0, 5.0, 15.0]), np.array([np.nan, 0.5, np.inf, 1.0]), 3.5)
    known = with_scan(found, scan, 6.0).scan
    np.testing.assert_allclose(known, [2.0, 2.0, 6.0, 2.0, 2.0])
    scan = Scan(np.radians([-22.0, -10.0, 5.0, 25.0]), np.array([0.7, 0.5, np.inf, 1.0]), 3.5)
    np.testing.assert_allclose(with_scan(found, scan, 6.0).scan, [2.0, 1.0, 6.0, 0.7, 2.0])
    assert with_scan(found, None, 6.0) is found


def test_what_sees_farther_fills_farther():
    measured = Scan(np.array([-0.1, 0.0, 0.1]), np.array([np.nan, np.nan, 2.0]), 4.0)
    seen = Scan(np.array([-0.2, 0.2]), np.array([1.5, 1.5]), 3.5)
    np.testing.assert_allclose(filled(measured, seen).metres, [1.5, 1.5, 2.0])
    model = scan_of_model(Navigation(scan=np.full(2, 1.5), scan_angles=np.array([0.2, -0.2])))
    assert np.isnan(filled(measured, model).metres[0]), "the model's own estimate is a metre off"


def test_a_hole_at_an_edge_is_not_filled():
    """What is seen beside a near thing is at its place or behind it, and nobody knows."""
    angles = np.radians(np.arange(-20.0, 21.0))
    metres = np.where(np.abs(angles) < np.radians(3), 0.5, 3.0)
    metres[[16, 24]] = np.nan
    measured = Scan(angles, metres, 4.0)
    seen = Scan(angles, np.full(41, 0.5), 3.5)
    np.testing.assert_array_equal(filled(measured, seen).metres, metres)
    metres[24:31] = np.nan
    found = filled(measured, seen).metres
    np.testing.assert_array_equal(found[24:31], 0.5)
    assert np.isnan(found[16])


def test_between_a_near_thing_and_a_far_one_there_is_nothing():
    measured = Scan(np.radians(np.arange(-20.0, 21.0)), np.full(41, np.nan), 4.0)
    seen = Scan(np.radians([-15.0, 0.0, 15.0]), np.array([0.5, 3.0, 3.0]), 3.5)
    found = filled(measured, seen).metres
    assert set(found[~np.isnan(found)]) == {0.5}
