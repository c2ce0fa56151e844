"""Labels of a frame against geometry that can be worked out by hand."""

from __future__ import annotations

import math

import pytest

from sim.hand_made import box, room
from vit_perception.data.navigation import SCAN_ANGLES, NavigationTruth
from vit_perception.sim.expert import Expert
from vit_perception.sim.robot import RADIUS
from vit_perception.sim.route import Route
from vit_perception.sim.simulation import Simulation
from vit_perception.sim.truth import action_of, navigation_truth
from vit_perception.sim.world import World


def truth(world: World, velocity: tuple[float, float] = (0.0, 0.0)) -> NavigationTruth:
    simulation = Simulation(world)
    simulation.velocity = velocity
    route = Route(simulation.plan, world.goal)
    return navigation_truth(simulation, route, Expert(simulation.plan, route, simulation.people), "a", 7)


def test_the_goal_is_in_the_robots_frame_with_a_positive_bearing_to_the_left() -> None:
    found = truth(room(start=(1.0, 1.0, math.pi / 2), goal=(-1.0, 1.0)))
    assert found.goal == pytest.approx((2.0, math.pi / 2))
    assert found.action == "turn_left"
    assert truth(room(start=(1.0, 1.0, -math.pi / 2), goal=(-1.0, 1.0))).action == "turn_right"


def test_the_goal_distance_leads_around_the_wall() -> None:
    found = truth(room(box(0, -2, 0.05, 3), start=(-2, -2, 0), goal=(2, -2)))
    assert found.goal[0] == pytest.approx(4)
    assert found.goal_distance == pytest.approx(2 * math.hypot(2, 3 + RADIUS), rel=0.04)


def test_the_scan_is_the_distance_to_the_wall_left_first() -> None:
    # Beside a wall on the left (y = 5), 3 m before the one ahead.
    found = truth(room(start=(2.0, 4.0, 0.0), goal=(0.0, 0.0)))
    assert found.scan[0] == pytest.approx(1 / math.sin(SCAN_ANGLES[0]), abs=2e-3)
    assert found.scan[-1] == pytest.approx(3 / math.cos(SCAN_ANGLES[-1]), abs=2e-3)


def test_a_collision_is_that_of_the_speed_of_the_moment() -> None:
    world = room(start=(4.0, 0.0, 0.0), goal=(0.0, 0.0))
    assert truth(world, (0.7, 0.0)).collision
    assert not truth(world, (0.3, 0.0)).collision


def test_in_the_open_the_path_leads_straight_to_the_goal_and_the_action_is_forward() -> None:
    found = truth(room(start=(-3.0, 0.0, 0.0)))
    assert found.path[:, 0] == pytest.approx([0.25 * step for step in range(1, 9)], abs=0.1)
    assert found.path[:, 1] == pytest.approx([0.0] * 8, abs=0.1)
    assert found.action == "forward"
    assert (found.episode, found.frame) == ("a", 7)


@pytest.mark.parametrize(
    ("command", "action"),
    [((0.5, 0.1), "forward"), ((0.0, 1.0), "turn_left"), ((0.3, -0.8), "turn_right"), ((0.0, 0.0), "stop")],
)
def test_the_action_is_what_the_command_does(command: tuple[float, float], action: str) -> None:
    assert action_of(command) == action
