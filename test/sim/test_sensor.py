"""What the sensor does to a perfect picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.hand_made import room
from vit_perception.runtime.planar import Pose
from vit_perception.sim.sensor import LEAST_DEPTH, MOST_DEPTH, Sensor

SIZE = (60, 80)
HERE = Pose(0.0, 0.0, 0.0)


def sensor(**look: float) -> Sensor:
    return Sensor(replace(room(), look=replace(room().look, **look)), SIZE, 70.0)


def measured(depth: np.ndarray, bright: int = 120, shine: float = 0.0) -> np.ndarray:
    clean = np.full((*SIZE, 3), bright, np.uint8)
    return sensor().measure(depth.astype(np.float32), clean, np.full(SIZE, shine), 0.0)


def test_a_plain_wall_is_measured_nearly_everywhere_with_an_error_that_grows() -> None:
    near, far = measured(np.full(SIZE, 1.0)), measured(np.full(SIZE, 5.0))
    assert (near > 0).all()
    assert near.std() < 0.01 < far.std() < 0.15


def test_nothing_is_measured_too_near_too_far_and_in_the_sky() -> None:
    for distance in (0.0, LEAST_DEPTH / 2, MOST_DEPTH * 1.01):
        assert (measured(np.full(SIZE, distance)) == 0).all()


def test_edges_and_dark_and_shiny_surfaces_have_holes() -> None:
    step = np.full(SIZE, 1.0)
    step[:, 40:] = 2.0
    lost = measured(step) == 0
    assert lost[:, 39:41].mean() > 0.5
    assert not lost[:, :38].any()
    for surface in (measured(np.full(SIZE, 1.0), bright=5), measured(np.full(SIZE, 1.0), shine=0.9)):
        assert 0.2 < (surface == 0).mean() < 0.8


def test_a_turn_blurs_along_rows_only() -> None:
    stripes = np.zeros((*SIZE, 3), np.uint8)
    stripes[:, ::8], stripes[:, 1::8] = 255, 255
    beams = np.ascontiguousarray(np.swapaxes(np.resize(stripes, (SIZE[1], SIZE[0], 3)) * 0, 0, 1))
    beams[::8], beams[1::8] = 255, 255
    depth, turned = np.full(SIZE, 2.0, np.float32), Pose(0.0, 0.0, 0.1)
    still = sensor().expose(stripes, depth, HERE, None, 0.0)
    assert sensor().expose(stripes, depth, HERE, turned, 0.0).std() < 0.6 * still.std()
    assert sensor().expose(beams, depth, HERE, turned, 0.0)[:, 10:-10].std() > 0.9 * still.std()


def test_the_camera_adjusts_itself_to_the_light_and_exposure_shifts_that() -> None:
    depth = np.full(SIZE, 2.0, np.float32)
    dark, bright = (np.full((*SIZE, 3), value, np.uint8) for value in (60, 140))
    found = [float(sensor().expose(one, depth, HERE, None, 0.0).mean()) for one in (dark, bright)]
    assert abs(found[0] - found[1]) < 3
    assert sensor(exposure=0.7).expose(bright, depth, HERE, None, 0.0).mean() < 0.75 * found[1]
