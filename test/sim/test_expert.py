"""The expert arrives without touching anything, and its signs are those of REP 103."""

from __future__ import annotations

import math

import pytest

from sim.hand_made import box, person, post, room
from vit_perception.runtime.planar import Pose
from vit_perception.sim.expert import Expert
from vit_perception.sim.plan import Plan
from vit_perception.sim.route import Route
from vit_perception.sim.simulation import Simulation
from vit_perception.sim.world import World


def drive(world: World, seconds: float = 60.0) -> Simulation:
    simulation = Simulation(world)
    expert = Expert(simulation.plan, Route(simulation.plan, world.goal), simulation.people)
    while simulation.seconds < seconds and not simulation.reached:
        simulation.step(*expert.command(simulation.pose, simulation.velocity), 0.1)
    return simulation


@pytest.mark.parametrize(("y", "sign"), [(3.0, 1.0), (-3.0, -1.0)])
def test_to_a_goal_on_the_left_it_turns_left(y: float, sign: float) -> None:
    plan = Plan(room())
    expert = Expert(plan, Route(plan, (0.0, y)))
    speed, turn = expert.command(Pose(0, 0, 0), (0.0, 0.0))
    assert speed == 0
    assert math.copysign(1, turn) == sign
    assert expert.waypoints(Pose(0, 0, 0))[-1] == pytest.approx((0, 2 * sign), abs=0.1)


def test_waypoints_lead_around_a_wall_and_stay_at_the_goal() -> None:
    plan = Plan(room(box(0, -2, 0.05, 3)))
    expert = Expert(plan, Route(plan, (1.0, 1.0)))
    points = expert.waypoints(Pose(-1, -1, 0))
    assert points.shape == (8, 2)
    assert points[3, 1] > 0.8
    assert expert.waypoints(Pose(0.5, 1.0, 0))[-1] == pytest.approx((0.5, 0.0), abs=0.1)


def test_it_arrives_through_a_doorway_and_between_posts() -> None:
    walls = (box(0, 2.8, 0.05, 2.3), box(0, -2.8, 0.05, 2.2))
    posts = (post(2, 0.5, 0.2), post(2, -0.7, 0.2), post(-2, 0, 0.3))
    drove = drive(room(*walls, *posts))
    assert drove.reached
    assert drove.collisions == 0
    assert drove.driven < 10


@pytest.mark.parametrize("speed", [0.6, 1.2])
def test_it_passes_somebody_who_comes_towards_it_in_a_corridor(speed: float) -> None:
    walls = (box(0, 3.0, 5, 2.0), box(0, -3.0, 5, 2.0))
    walker = person(((3.5, 0), (-3.5, 0)), speed)
    drove = drive(room(*walls, walkers=(walker,)))
    assert drove.reached
    assert drove.collisions == 0


def test_it_lets_people_cross() -> None:
    walkers = tuple(person(((x, 3), (x, -3)), 1.0, start) for x, start in ((-2, 0.0), (0, 2.0), (2, 4.0)))
    drove = drive(room(walkers=walkers))
    assert drove.reached
    assert drove.collisions == 0


def test_it_makes_room_for_somebody_who_comes_out_of_a_doorway_that_it_wants_to_go_into() -> None:
    walls = (box(0, 2.8, 0.05, 2.3), box(0, -2.8, 0.05, 2.3))
    # They walk to and fro through the doorway, and turn round right behind it.
    walker = person(((0.4, 0), (-3, 0)), 0.8)
    drove = drive(room(*walls, walkers=(walker,), start=(-2, 0.2, 0)))
    assert drove.reached
    assert drove.collisions == 0


def test_from_against_a_wall_it_gets_away() -> None:
    drove = drive(room(start=(-4.795, 0.0, math.pi)))
    assert drove.reached
    assert drove.collisions == 0
