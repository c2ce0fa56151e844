"""Clearance, rays and collisions against geometry that can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.hand_made import box, post, room
from vit_perception.runtime.planar import Pose
from vit_perception.sim.plan import Plan
from vit_perception.sim.robot import CLEARANCE, HEIGHT, RADIUS
from vit_perception.sim.world import Solid

AHEAD = np.zeros(1)


def clearance(plan: Plan, x: float, y: float) -> float:
    return float(plan.clearance(np.array([(x, y)]))[0])


def test_the_clearance_of_a_box_is_that_of_its_side_its_corner_and_its_inside() -> None:
    plan = Plan(room(box(0, 0, 1.0, 0.5), half=50))
    assert clearance(plan, 3, 0) == pytest.approx(2)
    assert clearance(plan, 4, 4.5) == pytest.approx(5)
    assert clearance(plan, 0.9, 0) == pytest.approx(-0.1)


def test_a_turned_box_has_its_corner_ahead() -> None:
    plan = Plan(room(box(0, 0, 0.5, 0.5, yaw=math.pi / 4), half=50))
    assert clearance(plan, 2, 0) == pytest.approx(2 - math.sqrt(0.5))


def test_the_clearance_of_a_post_is_from_its_edge() -> None:
    assert clearance(Plan(room(post(1, 0, 0.3), half=50)), 3, 0) == pytest.approx(1.7)


def test_an_ellipsoid_lies_in_its_capsule() -> None:
    ball = Solid("ellipsoid", (0, 0, 0.2), (0.6, 0.2, 0.2), math.pi / 2, 0, 0)
    plan = Plan(room(ball, half=50))
    assert clearance(plan, 0, 1) == pytest.approx(0.4)
    assert clearance(plan, 1, 0) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("bottom", "top", "blocks"),
    [
        (0.0, CLEARANCE - 0.01, False),
        (0.0, CLEARANCE + 0.01, True),
        (HEIGHT + 0.01, 2.0, False),
        (HEIGHT - 0.01, 2.0, True),
    ],
)
def test_what_is_low_is_driven_over_and_what_hangs_high_is_driven_under(
    bottom: float, top: float, blocks: bool
) -> None:
    plan = Plan(room(box(0, 0, 1, 1, bottom=bottom, top=top)))
    assert plan.collides(Pose(0, 0, 0)) is blocks


def test_the_robot_collides_when_its_edge_touches_a_wall() -> None:
    plan = Plan(room())
    assert not plan.collides(Pose(5 - RADIUS - 0.001, 0, 0))
    assert plan.collides(Pose(5 - RADIUS + 0.001, 0, 0))


def test_people_are_obstacles_where_they_are_given() -> None:
    plan = Plan(room())
    somebody = np.array([(1.0, 0.0, 0.25)])
    assert plan.clearance(np.array([(0.0, 0.0)]), somebody)[0] == pytest.approx(0.75)
    assert plan.collides(Pose(0.6, 0, 0), somebody)
    assert not plan.collides(Pose(0.6, 0, 0))
    assert plan.free_distance(Pose(0, 0, 0), AHEAD, 6.0, somebody)[0] == pytest.approx(0.75, abs=2e-3)


def test_the_free_distance_to_a_wall_is_that_of_the_slanted_ray() -> None:
    plan = Plan(room())
    headings = np.radians((40.0, 20.0, 0.0, -20.0, -40.0))
    found = plan.free_distance(Pose(2, 0, 0), headings, 6.0)
    assert found == pytest.approx(3 / np.cos(headings), abs=2e-3)


def test_the_first_headings_are_left_and_the_last_right() -> None:
    plan = Plan(room(post(1, 1, 0.2)))
    left, right = plan.free_distance(Pose(0, 0, 0), np.radians((45.0, -45.0)), 3.0)
    assert left == pytest.approx(math.sqrt(2) - 0.2, abs=2e-3)
    assert right == 3.0


def test_a_ray_that_grazes_a_wall_goes_on() -> None:
    plan = Plan(room())
    assert plan.free_distance(Pose(-4, 4.75, 0), AHEAD, 6.0)[0] == 6.0


def test_a_map_of_clearance_is_the_clearance_of_its_points() -> None:
    plan = Plan(room(box(1, 0.5, 0.7, 0.2, yaw=0.6), post(-2, 1, 0.3)))
    xs, ys = np.linspace(-4.9, 4.9, 60), np.linspace(-4.9, 4.9, 50)
    points = np.stack(np.meshgrid(xs, ys), axis=-1)
    expected = np.minimum(plan.clearance(points.reshape(-1, 2)).reshape(50, 60), 1.0)
    assert plan.clearance_map(xs, ys, 1.0) == pytest.approx(expected)
