"""A drive: collisions stop the robot and are counted once, and the same commands give the same drive."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.hand_made import person, room
from vit_perception.sim.robot import RADIUS
from vit_perception.sim.simulation import Simulation


def steps(simulation: Simulation, speed: float, turn: float, seconds: float) -> None:
    for _ in range(round(seconds / 0.1)):
        simulation.step(speed, turn, 0.1)


def test_a_wall_stops_the_robot_and_counts_once_however_long_it_pushes() -> None:
    simulation = Simulation(room(start=(3.0, 0.0, 0.0)))
    steps(simulation, 0.5, 0.0, 8.0)
    assert simulation.bumped
    assert simulation.collisions == 1
    assert simulation.pose.x == pytest.approx(5 - RADIUS, abs=0.02)
    assert simulation.driven == pytest.approx(2 - RADIUS, abs=0.02)


def test_who_backs_off_and_comes_again_collides_again() -> None:
    simulation = Simulation(room(start=(4.5, 0.0, 0.0)))
    steps(simulation, 0.5, 0.0, 2.0)
    steps(simulation, -0.3, 0.0, 2.0)
    assert not simulation.bumped
    assert simulation.pose.x < 4.5
    steps(simulation, 0.5, 0.0, 3.0)
    assert simulation.collisions == 2


def test_who_stands_against_a_wall_can_turn() -> None:
    simulation = Simulation(room(start=(4.5, 0.0, 0.0)))
    steps(simulation, 0.5, 0.0, 2.0)
    steps(simulation, 0.0, 1.0, 2.0)
    assert simulation.pose.yaw > 1.5


def test_a_person_is_something_to_collide_with() -> None:
    simulation = Simulation(room(walkers=(person(((0, 0), (0.1, 0)), 0.01),)))
    steps(simulation, 0.8, 0.0, 6.0)
    assert simulation.collisions == 1
    assert simulation.pose.x == pytest.approx(-0.25 - RADIUS, abs=0.1)


# At 0.6 m/s, 1.5 s are 0.9 m.
@pytest.mark.parametrize(("gap", "hits"), [(0.85, True), (0.95, False)])
def test_the_time_to_a_collision_is_that_worked_out_by_hand(gap: float, hits: bool) -> None:
    simulation = Simulation(room(start=(5 - RADIUS - gap, 0.0, 0.0)))
    simulation.velocity = (0.6, 0.0)
    assert simulation.hits_within(1.5) is hits


def test_a_person_who_will_have_crossed_is_hit_only_if_they_are_there_then() -> None:
    # In a second the robot is at x = -3.4; the person walks along x = -3.0.
    def hits(start: float) -> bool:
        simulation = Simulation(room(walkers=(person(((-3.0, -4), (-3.0, 4)), 1.0, start),)))
        simulation.velocity = (0.6, 0.0)
        return simulation.hits_within(1.5)

    assert hits(3.3)
    assert not hits(5.5)


def test_looking_ahead_changes_nothing() -> None:
    simulation = Simulation(room(walkers=(person(((0, 0), (3, 0))),)))
    simulation.velocity = (0.6, 0.1)
    before = (simulation.pose, simulation.odometry.pose, simulation.seconds, simulation.people.clocks.copy())
    simulation.hits_within(1.5)
    after = (simulation.pose, simulation.odometry.pose, simulation.seconds, simulation.people.clocks)
    assert before[:3] == after[:3]
    assert np.array_equal(before[3], after[3])


def test_the_same_commands_give_the_same_drive() -> None:
    def end() -> tuple[object, ...]:
        simulation = Simulation(room(walkers=(person(((-3, 0), (3, 0))),), seed=5))
        for step in range(80):
            simulation.step(0.5, math.sin(step / 9), 0.1)
        return simulation.pose, simulation.odometry.pose, simulation.collisions, simulation.people.clocks[0]

    assert end() == end()


def test_it_has_arrived_half_a_metre_from_the_goal() -> None:
    simulation = Simulation(room(start=(3.0, 0.0, 0.0), goal=(4.0, 0.0)))
    assert not simulation.reached
    steps(simulation, 0.8, 0.0, 1.2)
    assert simulation.reached
