"""People walk their closed paths, and wait for the robot."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.hand_made import person
from vit_perception.runtime.planar import Pose
from vit_perception.sim.people import People
from vit_perception.sim.robot import RADIUS

FAR = Pose(90, 90, 0)
TIMES = np.linspace(0.1, 2.0, 20)
SQUARE = ((0, 0), (2, 0), (2, 2), (0, 2))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, (0.0, 0.0, 0.0)),
        (1.5, (1.5, 0.0, 0.0)),
        (3.0, (2.0, 1.0, math.pi / 2)),
        (7.0, (0.0, 1.0, -math.pi / 2)),
        (8.5, (0.5, 0.0, 0.0)),
    ],
)
def test_a_path_is_walked_from_corner_to_corner_and_again(
    seconds: float, expected: tuple[float, float, float]
) -> None:
    assert person(SQUARE).at(seconds) == pytest.approx(expected)


def test_somebody_starts_along_the_path_and_goes_on_at_their_speed() -> None:
    people = People([person(SQUARE, speed=0.5, start=1.0)])
    for _ in range(10):
        people.step(FAR, 0.1)
    assert people.discs()[0] == pytest.approx((1.5, 0, 0.25))
    assert people.expected(TIMES, FAR)[-1, 0] == pytest.approx((2.0, 0.5, 0.25))


def test_nobody_walks_into_a_robot_that_stands() -> None:
    people = People([person(((0, 0), (8, 0)))])
    robot = Pose(4, 0.1, 0)
    for _ in range(50):
        people.step(robot, 0.1)
    x, y, radius = people.discs()[0]
    gap = math.hypot(robot.x - x, robot.y - y) - radius - RADIUS
    assert 0 < gap < 0.8
    people.step(FAR, 0.1)
    assert people.discs()[0, 0] == pytest.approx(x + 0.1)


def test_people_are_expected_to_stop_before_the_robot() -> None:
    people = People([person(((0, 0), (8, 0)))])
    robot = Pose(1.53, 0.0, 0.0)
    expected = people.expected(TIMES, robot)[-1]
    for _ in range(20):
        people.step(robot, 0.1)
    assert expected == pytest.approx(people.discs())
    assert expected[0, 0] < 1.53 - RADIUS - 0.25


def test_who_has_waited_for_long_turns_round_and_walks_back() -> None:
    people = People([person(((0, 0), (8, 0)))])
    robot = Pose(4, 0.1, 0)
    farthest = 0.0
    for _ in range(90):
        people.step(robot, 0.1)
        farthest = max(farthest, people.discs()[0, 0])
    assert people.discs()[0, 0] < farthest - 1


def test_who_waits_is_expected_to_stay() -> None:
    people = People([person(((0, 0), (8, 0)))])
    for _ in range(50):
        people.step(Pose(4, 0.1, 0), 0.1)
    assert people.expected(TIMES, FAR)[-1] == pytest.approx(people.discs())


def test_somebody_who_walks_away_does_not_wait() -> None:
    people = People([person(((0, 0), (8, 0)))])
    people.step(Pose(-0.5, 0, 0), 0.1)
    assert people.clocks == pytest.approx([0.1])


def test_copied_people_walk_without_the_others() -> None:
    people = People([person(SQUARE)])
    people.copy().step(FAR, 1.0)
    assert people.clocks == pytest.approx([0.0])


def test_a_world_without_people_has_no_discs() -> None:
    assert People([]).discs().shape == (0, 3)
