"""The baseline without learning: its scan of a depth image, and its signs."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from vit_perception.runtime.planar import Pose
from vit_perception.sim.driving.follow_the_gap import FollowTheGap, room_to_go, scan_of
from vit_perception.sim.driving.observation import Observation
from vit_perception.sim.driving.surroundings import Surroundings
from vit_perception.sim.robot import CAMERA_X, RADIUS

AROUND = np.radians(np.arange(-180.0, 180.0))
ANGLES = np.radians(np.arange(-30.0, 31.0))
HEIGHT, WIDTH, FOCAL = 60, 80, 70.0


def seeing(depth: np.ndarray | None, pitch: float = 0.0) -> Observation:
    intrinsics = np.array([[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2], [0, 0, 1]])
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    return Observation(0.0, rgb, depth, intrinsics, 0.3, pitch, Pose(0, 0, 0), (5.0, 0.0), (0.0, 0.0), False)


def floor_depth(pitch: float) -> np.ndarray:
    """(H, W) depth of a floor 0.3 m below a camera that looks down by `pitch`; 0 above the horizon."""
    below = (np.arange(HEIGHT) + 0.5 - HEIGHT / 2) / FOCAL
    falls = below * math.cos(pitch) + math.sin(pitch)
    depth = np.where(falls > 1e-3, 0.3 / np.maximum(falls, 1e-3), 0.0)
    return np.tile(depth[:, None], (1, WIDTH)).astype(np.float32)


def test_a_wall_is_as_far_as_it_is_from_the_robots_middle() -> None:
    angles, ranges = scan_of(seeing(np.full((HEIGHT, WIDTH), 2.0, np.float32)))
    assert ranges[np.abs(angles).argmin()] == pytest.approx(2.0 + CAMERA_X, abs=0.01)
    # The direction is that from the middle of the robot, not from the camera.
    assert ranges[2] == pytest.approx((2.0 + CAMERA_X) / math.cos(angles[2]), rel=0.02)


def test_what_is_left_in_the_picture_has_a_positive_angle() -> None:
    depth = np.zeros((HEIGHT, WIDTH), np.float32)
    depth[25:40, 10:14] = 1.5
    angles, ranges = scan_of(seeing(depth))
    seen = angles[ranges < 2.9]
    assert len(seen)
    assert (seen > 0.2).all()


@pytest.mark.parametrize("pitch", [0.0, 0.2])
def test_the_floor_is_in_nobodys_way(pitch: float) -> None:
    _, ranges = scan_of(seeing(floor_depth(pitch), pitch))
    assert (ranges == 3.0).all()


def test_a_wall_is_reached_by_the_edge_of_the_robot() -> None:
    ranges = 1.0 / np.cos(ANGLES)
    ahead = room_to_go(ANGLES, ranges)[30]
    assert ahead == pytest.approx(1.0 - RADIUS - 0.08, abs=0.02)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_goal_on_the_left_gives_a_left_turn(sign: float) -> None:
    free = np.full(len(AROUND), 3.0)
    assert sign * FollowTheGap().steer(AROUND, free, (3.0, sign * 0.4))[1] > 0.3
    speed, turn = FollowTheGap().steer(AROUND, free, (3.0, sign * 2.0))
    assert speed == 0
    assert sign * turn > 1.0


def test_around_an_obstacle_it_takes_the_nearer_gap() -> None:
    ranges = np.where((math.radians(-20) < AROUND) & (math.radians(3) > AROUND), 0.9, 3.0)
    speed, turn = FollowTheGap().steer(AROUND, ranges, (4.0, 0.0))
    assert speed > 0.2
    assert turn > 0.3


def test_it_slows_down_before_what_it_drives_at() -> None:
    far, near = (FollowTheGap().steer(AROUND, np.full(len(AROUND), each), (4.0, 0.0)) for each in (3.0, 0.8))
    assert 0 < near[0] < 0.6 * far[0]


def test_a_wall_stays_at_one_side_until_it_is_past() -> None:
    """In a dead end, all is blocked but the way back; it does not turn to the goal again once it is out."""
    policy = FollowTheGap()
    dead_end = np.where(np.abs(AROUND) < math.radians(110), 0.5, 3.0)
    speed, turn = policy.steer(AROUND, dead_end, (4.0, 0.1))
    assert speed == 0
    side = math.copysign(1.0, turn)
    wall = np.where(np.abs(AROUND + side * 1.2) < 0.9, 0.7, 3.0)  # beside it, before the goal
    policy.steer(AROUND, wall, (4.1, -side * 1.2))
    for _ in range(3):
        speed, turn = policy.steer(AROUND, wall, (4.1, -side * 1.2))
        assert speed > 0
    assert policy.steer(AROUND, np.full(len(AROUND), 3.0), (3.5, -side * 1.2))[1] * side < 0, "it is past"


def test_what_was_seen_is_still_there_when_the_robot_has_turned() -> None:
    surroundings = Surroundings(3.0, math.radians(1.0))
    surroundings.add(ANGLES, np.full(len(ANGLES), 1.0), Pose(0, 0, 0))
    # Ahead is now open, and the wall of before is to the right, a step further back.
    around, ranges = surroundings.add(ANGLES, np.full(len(ANGLES), 3.0), Pose(0, 0.5, math.pi / 2))
    assert ranges[np.abs(around).argmin()] == 3.0
    assert ranges[np.abs(around + math.radians(117)).argmin()] == pytest.approx(1.1, abs=0.1)
    assert ranges[around > 0.6].min() == 3.0
    # What is seen through is gone, unless it is so near that a camera looks over it.
    _, ranges = surroundings.add(ANGLES, np.full(len(ANGLES), 3.0), Pose(-0.2, 0, 0))
    assert ranges.min() == 3.0
    surroundings.add(ANGLES, np.full(len(ANGLES), 1.0), Pose(0, 0, 0))
    _, ranges = surroundings.add(ANGLES, np.full(len(ANGLES), 3.0), Pose(0.5, 0, 0))
    assert ranges.min() == pytest.approx(0.5, abs=0.05)


def test_what_was_touched_stays_where_it_is() -> None:
    surroundings = Surroundings(3.0, math.radians(1.0))
    surroundings.touch(Pose(0, 0, 0))
    around, ranges = surroundings.add(ANGLES, np.full(len(ANGLES), 3.0), Pose(-0.2, 0, 0))
    assert ranges.min() == pytest.approx(RADIUS + 0.2, abs=0.05)
    assert np.abs(around[ranges < 3.0]).max() < math.radians(30)


def test_after_a_bump_it_goes_back_and_turns_to_where_there_is_room() -> None:
    depth = np.full((HEIGHT, WIDTH), 2.9, np.float32)
    depth[:, : WIDTH // 2] = 0.6  # on the left
    policy = FollowTheGap()
    speed, turn = policy.command(dataclasses.replace(seeing(depth), bumped=True))
    assert speed < 0
    assert turn < 0
    assert policy.command(seeing(depth))[0] < 0


def test_without_depth_it_stands() -> None:
    assert FollowTheGap().command(seeing(None)) == (0.0, 0.0)
