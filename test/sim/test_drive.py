"""A differential drive: signs as REP 103 has them, arcs, limits, and wheels that report nearly the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vit_perception.runtime.planar import Pose, seen_from
from vit_perception.sim.drive import Odometry, approach, moved
from vit_perception.sim.robot import MAX_ACCELERATION, MAX_SPEED, MAX_TURN

START = Pose(0, 0, 0)


def as_tuple(pose: Pose) -> tuple[float, float, float]:
    return pose.x, pose.y, pose.yaw


def test_a_positive_turn_goes_left() -> None:
    pose = moved(START, 0.5, 1.0, 0.5)
    assert pose.yaw == pytest.approx(0.5)
    assert pose.y > 0


def test_a_quarter_of_a_circle_ends_where_it_should() -> None:
    # Radius 0.5 m: speed over turn rate.
    assert as_tuple(moved(START, 0.5, 1.0, math.pi / 2)) == pytest.approx((0.5, 0.5, math.pi / 2))


def test_many_short_steps_are_one_long_one() -> None:
    pose = START
    for _ in range(100):
        pose = moved(pose, 0.6, -0.7, 0.02)
    assert as_tuple(pose) == pytest.approx(as_tuple(moved(START, 0.6, -0.7, 2.0)))


def test_speeds_approach_a_command_no_faster_than_the_robot_can() -> None:
    assert approach((0, 0), (0.5, 0), 0.1) == pytest.approx((MAX_ACCELERATION * 0.1, 0))
    assert approach((0.5, 0), (0.5, 0), 0.1) == pytest.approx((0.5, 0))
    velocity = (0.0, 0.0)
    for _ in range(100):
        velocity = approach(velocity, (9, -9), 0.1)
    assert velocity == pytest.approx((MAX_SPEED, -MAX_TURN))


def test_what_is_left_of_the_robot_has_a_positive_y_in_its_frame() -> None:
    facing_up = Pose(1, 1, math.pi / 2)
    assert seen_from(facing_up, np.array([(0, 1), (1, 3)])) == pytest.approx(np.array([(0, 1), (2, 0)]))


def drive_a_slalom(seed: int) -> tuple[Pose, Pose]:
    """True and reported pose after 24 m."""
    pose, odometry = START, Odometry(seed)
    for step in range(400):
        turn = math.sin(step / 20)
        odometry.step(0.6, turn, 0.1)
        pose = moved(pose, 0.6, turn, 0.1)
    return pose, odometry.pose


def test_odometry_is_wrong_by_little_and_not_by_nothing() -> None:
    errors = []
    for seed in range(20):
        true, reported = drive_a_slalom(seed)
        errors.append(math.hypot(true.x - reported.x, true.y - reported.y))
    assert min(errors) > 0.01
    assert 0.05 < np.median(errors) < 0.3


def test_odometry_of_a_seed_is_always_the_same() -> None:
    assert drive_a_slalom(3)[1] == drive_a_slalom(3)[1]
    assert drive_a_slalom(3)[1] != drive_a_slalom(4)[1]


def test_a_robot_that_stands_reports_that_it_stands() -> None:
    odometry = Odometry(0)
    for _ in range(50):
        odometry.step(0.0, 0.0, 0.1)
    assert odometry.pose == START
