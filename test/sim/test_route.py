"""The way to the goal, against the lengths of ways that can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.hand_made import box, room
from vit_perception.sim.plan import Plan
from vit_perception.sim.robot import RADIUS
from vit_perception.sim.route import Route


def length(path: np.ndarray) -> float:
    return float(np.hypot(*np.diff(path, axis=0).T).sum())


@pytest.mark.parametrize("start", [(-4.0, 0.0), (-3.0, 3.0), (3.5, 0.2), (-2.0, -4.0)])
def test_in_an_empty_room_the_way_is_the_straight_line(start: tuple[float, float]) -> None:
    route = Route(Plan(room()), (4.0, 0.0))
    straight = math.dist(start, (4.0, 0.0))
    assert straight <= route.distance(start) <= 1.03 * straight + 0.05


def test_around_a_wall_it_is_as_long_as_around_its_end() -> None:
    # The wall reaches from the lower side of the room to y = 1.
    route = Route(Plan(room(box(0, -2, 0.05, 3))), (2.0, -2.0))
    corner = 1 + RADIUS
    by_hand = 2 * math.hypot(2, corner + 2)
    assert route.distance((-2.0, -2.0)) == pytest.approx(by_hand, rel=0.04)


def test_the_way_that_is_taken_keeps_its_distance_and_leads_to_the_goal() -> None:
    plan = Plan(room(box(0, -2, 0.05, 3)))
    route = Route(plan, (2.0, -2.0))
    path = route.path((-2.0, -2.0))
    assert path[0] == pytest.approx((-2.0, -2.0))
    assert path[-1] == pytest.approx((2.0, -2.0))
    assert plan.clearance(path).min() > RADIUS + 0.1
    assert route.distance((-2.0, -2.0)) < length(path) < 1.15 * route.distance((-2.0, -2.0))


def test_behind_a_closed_wall_there_is_no_way() -> None:
    route = Route(Plan(room(box(0, 0, 0.05, 5))), (2.0, 0.0))
    assert route.distance((-2.0, 0.0)) == math.inf
    assert route.path((-2.0, 0.0)) == pytest.approx(np.array([(-2.0, 0.0)]))


def test_a_gap_is_passed_if_the_robot_fits() -> None:
    def through(width: float) -> float:
        half = (5 - width / 2) / 2
        walls = (box(0, 5 - half, 0.05, half), box(0, half - 5, 0.05, half))
        return Route(Plan(room(*walls)), (2.0, 0.0)).distance((-2.0, 0.0))

    assert through(2 * RADIUS + 0.2) == pytest.approx(4.0, rel=0.03)
    assert through(2 * RADIUS - 0.02) == math.inf


def test_beside_a_wall_where_no_way_leads_the_distance_is_known() -> None:
    route = Route(Plan(room()), (4.0, 0.0))
    assert route.distance((-5 + RADIUS + 0.001, 0.0)) == pytest.approx(9 - RADIUS, rel=0.03)


def test_a_person_in_the_way_is_walked_around() -> None:
    route = Route(Plan(room()), (4.0, 0.0))
    somebody = np.array([(-2.5, 0.0, 0.25)])
    path = route.path((-4.0, 0.0), somebody)
    gaps = np.hypot(*(path - somebody[0, :2]).T) - 0.25
    assert gaps.min() > RADIUS + 0.1
    assert path[-1] == pytest.approx((4.0, 0.0))
    assert length(path) < 9


def test_somebody_in_a_doorway_blocks_the_only_way() -> None:
    walls = (box(0, 2.8, 0.05, 2.3), box(0, -2.8, 0.05, 2.3))
    route = Route(Plan(room(*walls)), (2.0, 0.0))
    assert len(route.path((-1.0, 0.0))) > 10
    assert len(route.path((-1.0, 0.0), np.array([(0.0, 0.0, 0.25)]))) == 1


def test_a_goal_in_a_wall_is_refused() -> None:
    with pytest.raises(ValueError, match="stands in something"):
        Route(Plan(room(box(2, 0, 1.5, 1.5))), (2.0, 0.0))
