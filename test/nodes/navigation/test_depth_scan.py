"""What depth measures of the way ahead, against planes whose place is known."""

import math

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from vit_perception.nodes.navigation.depth_scan import scan_of_depth
from vit_perception.nodes.navigation.scan import filled, scan_of_model
from vit_perception.nodes.navigation.transforms import Transform
from vit_perception.runtime.camera_model import CameraModel
from vit_perception.runtime.results import Navigation

CAMERA = CameraModel(200.0, 200.0, 159.5, 119.5, (240, 320))
# Level, 0.4 m above the ground and 0.1 m before the robot's middle.
MOUNT = Transform(np.array((0.1, 0.0, 0.4)), np.array((-0.5, 0.5, -0.5, 0.5)))
ROWS, COLUMNS = np.indices((240, 320))
DOWN = (ROWS - 119.5) / 200.0
# The floor, up to ten metres away.
FLOOR = np.where(DOWN > 0.04, 0.4 / np.maximum(DOWN, 1e-6), 10.0)


def at(beams, degrees):
    return beams.metres[np.abs(beams.angles - math.radians(degrees)).argmin()]


def test_a_wall_ahead_is_as_far_as_it_is_and_ground_is_free():
    wall = np.minimum(FLOOR, 1.9)
    beams = scan_of_depth(wall, CAMERA, MOUNT)
    assert at(beams, 0) == pytest.approx(2.0, abs=0.01)
    assert at(beams, 30) == pytest.approx(2.0 / math.cos(math.radians(30)), rel=0.02)
    assert np.isnan(at(beams, 55)), "outside the picture"
    free = scan_of_depth(FLOOR, CAMERA, MOUNT).metres
    assert np.isinf(free[~np.isnan(free)]).all()
    assert np.isinf(free).sum() > 60


def test_a_low_thing_on_the_left_is_seen_there_alone():
    depth = FLOOR.copy()
    # 0.2 m high, a metre before the camera, from 0.2 to 0.3 m to its left.
    thing = (np.abs((COLUMNS - 159.5) / 200.0 + 0.25) < 0.05) & (DOWN > 0.2) & (DOWN < 0.4)
    depth[thing] = 1.0
    beams = scan_of_depth(depth, CAMERA, MOUNT)
    left = math.degrees(math.atan2(0.25, 1.1))
    assert at(beams, left) == pytest.approx(math.hypot(1.1, 0.25), abs=0.02)
    assert np.isinf(at(beams, -left))


def test_somebody_is_as_tall_as_the_camera_and_a_low_thing_is_not():
    left, right = ((COLUMNS - 159.5) / 200.0 + side for side in (0.25, -0.25))
    depth = FLOOR.copy()
    depth[(np.abs(left) < 0.05) & (DOWN > 0.2) & (DOWN < 0.4)] = 1.0
    depth[(np.abs(right) < 0.05) & (DOWN < 0.4)] = 1.0
    # A wall far behind the low thing makes it no taller.
    beams = scan_of_depth(np.minimum(depth, 2.5), CAMERA, MOUNT)
    place = math.degrees(math.atan2(0.25, 1.1))
    assert at(beams, place) == pytest.approx(at(beams, -place), abs=0.02)
    assert not beams.tall[np.abs(beams.angles - math.radians(place)).argmin()]
    assert beams.tall[np.abs(beams.angles + math.radians(place)).argmin()]


def test_a_bar_of_five_centimetres_is_in_the_way():
    depth = FLOOR.copy()
    depth[(np.abs(COLUMNS - 159.5) < 40) & (DOWN > 0.35 / 0.75) & (DOWN < 0.4 / 0.75)] = 0.75
    assert at(scan_of_depth(depth, CAMERA, MOUNT), 0) == pytest.approx(0.85, abs=0.02)


def test_a_small_image_leaves_no_beam_out():
    camera = CameraModel(40.0, 40.0, 31.5, 23.5, (48, 64))
    down = (np.indices((48, 64))[0] - 23.5) / 40.0
    floor = np.where(down > 0.04, 0.4 / np.maximum(down, 1e-6), 10.0)
    beams = scan_of_depth(np.minimum(floor, 1.9), camera, MOUNT)
    assert np.isfinite(beams.metres[np.abs(beams.angles) < math.radians(30)]).all()
    assert at(beams, 0) == pytest.approx(2.0, abs=0.01)


def test_what_hangs_above_the_robot_is_not_in_the_way():
    above = np.where(DOWN < -0.15, 1.0, FLOOR)
    assert not np.isfinite(scan_of_depth(above, CAMERA, MOUNT).metres).any()


def test_where_there_is_no_depth_nothing_is_said():
    assert np.isnan(scan_of_depth(np.zeros((240, 320)), CAMERA, MOUNT).metres).all()


def test_a_hill_is_ground_and_a_kerb_on_it_is_not():
    # 0.2 m a metre from the robot's feet on: where the ray meets it, z = 0.2 x.
    hill = (0.4 - 0.2 * 0.1) / np.maximum(DOWN + 0.2, 1e-6)
    hill[hill > 10] = 0
    assert not np.isfinite(scan_of_depth(hill, CAMERA, MOUNT).metres).any()
    # 0.15 m high, from 1.5 m before the camera on.
    front = 0.4 - 1.5 * DOWN - 0.2 * 1.6
    kerb = np.where((front > 0) & (front < 0.15), 1.5, hill)
    assert at(scan_of_depth(kerb, CAMERA, MOUNT), 0) == pytest.approx(1.6, abs=0.02)


def test_a_camera_that_looks_down_sees_the_same_wall():
    pitch = math.radians(20)
    more, less = (
        (math.cos(pitch / 2) + math.sin(pitch / 2)) / 2,
        (math.cos(pitch / 2) - math.sin(pitch / 2)) / 2,
    )
    tilted = Transform(np.array((0.1, 0.0, 0.4)), np.array((-more, more, -less, less)))
    ahead = math.cos(pitch) - DOWN * math.sin(pitch)
    down = math.sin(pitch) + DOWN * math.cos(pitch)
    wall, floor = 1.9 / np.maximum(ahead, 1e-6), np.where(down > 0.01, 0.4 / np.maximum(down, 1e-6), 10.0)
    beams = scan_of_depth(np.minimum(wall, floor), CAMERA, tilted)
    assert at(beams, 0) == pytest.approx(2.0, abs=0.02)


def test_the_model_fills_what_depth_says_nothing_about_where_it_sees_something_near():
    angles = np.radians(np.linspace(40, -40, 33)).astype(np.float32)

    def model(metres):
        return scan_of_model(Navigation(("stop",), scan=np.full(33, metres, np.float32), scan_angles=angles))

    measured = scan_of_depth(np.minimum(FLOOR, 1.9), CAMERA, MOUNT)
    assert at(filled(measured, model(0.5)), 0) == pytest.approx(2.0, abs=0.01), "depth knows better"
    blind = scan_of_depth(np.zeros((240, 320)), CAMERA, MOUNT)
    assert at(filled(blind, model(0.5)), 0) == pytest.approx(0.5)
    assert np.isnan(at(filled(blind, model(1.5)), 0))
    assert np.isnan(at(filled(blind, model(0.5)), 55)), "outside of what the model looks at"
    assert filled(blind, None) is blind
    assert scan_of_model(Navigation(("stop",))) is None
