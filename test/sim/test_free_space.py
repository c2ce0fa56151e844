"""The row at which free ground ends, against geometry and against the way back to metres."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from vit_perception.data.navigation import FREE_COLUMNS
from vit_perception.nodes.navigation.free_space import scan_of_free_space
from vit_perception.nodes.navigation.transforms import Transform
from vit_perception.runtime.camera_model import CameraModel
from vit_perception.sim.free_space import free_ground
from vit_perception.sim.robot import CAMERA_X, optical_rotation
from vit_perception.sim.worlds.make import make_world

ANGLES = np.linspace(np.radians(60), np.radians(-60), 121)
SIZE = (240, 320)


@pytest.fixture(scope="module")
def look():
    world = make_world(3, "rooms")
    return dataclasses.replace(world.look, camera_height=0.3, camera_pitch=0.1, field_of_view=0.9)


def wall(metres: float) -> np.ndarray:
    """Free distances to a wall across, so far ahead."""
    return metres / np.cos(ANGLES)


def test_the_foot_of_a_wall_is_where_geometry_says(look):
    found = free_ground(look, SIZE, ANGLES, wall(2.0), 6.0)
    down = math.tan(math.atan2(0.3, 2.0 - CAMERA_X) - 0.1) / math.tan(0.45)
    assert found[FREE_COLUMNS // 2] == pytest.approx((1 + down) / 2, abs=0.005)


@pytest.mark.parametrize("metres", [1.2, 2.0, 3.0])
def test_metres_come_back(look, metres):
    """Of a wall across and a post on the left before it."""
    free = wall(metres)
    free[40:50] = np.minimum(free[40:50], 0.6 * metres)
    rows = free_ground(look, SIZE, ANGLES, free, 6.0)
    ends = np.stack([(np.arange(FREE_COLUMNS) + 0.5) / FREE_COLUMNS, rows], axis=1)[~np.isnan(rows)]
    focal = SIZE[0] / 2 / math.tan(look.field_of_view / 2)
    camera = CameraModel(focal, focal, SIZE[1] / 2 - 0.5, SIZE[0] / 2 - 0.5, SIZE)
    rotation = np.array(optical_rotation(look.camera_pitch))
    scan = scan_of_free_space(ends, camera, Transform(np.array((CAMERA_X, 0.0, 0.3)), rotation))
    truth = np.interp(scan.angles, ANGLES[::-1], free[::-1])
    off = np.abs(scan.metres - truth) / truth
    assert np.median(off) < 0.03
    assert scan.metres[scan.angles > 0].min() < 0.75 * metres, "the post"


def test_a_wall_nearer_than_the_picture_ends_at_its_bottom(look):
    assert (free_ground(look, SIZE, ANGLES, np.full(121, 0.2), 6.0) == 1.0).all()


def test_where_nobody_knows_is_no_number(look):
    narrow = np.linspace(np.radians(10), np.radians(-10), 21)
    found = free_ground(look, SIZE, narrow, np.full(21, 2.0), 6.0)
    assert np.isnan(found[[0, -1]]).all()
    assert not np.isnan(found[FREE_COLUMNS // 2])
