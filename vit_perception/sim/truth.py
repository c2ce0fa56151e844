"""What is true of the robot's way at one moment of a drive: the labels of a frame."""

from __future__ import annotations

import math

import numpy as np

from vit_perception.data.navigation import (
    COLLISION_SECONDS,
    PATH_POINTS,
    PATH_SPACING,
    SCAN_ANGLES,
    SCAN_RANGE,
    NavigationTruth,
)
from vit_perception.runtime.planar import seen_from
from vit_perception.sim.expert import Expert
from vit_perception.sim.free_space import free_ground
from vit_perception.sim.route import Route
from vit_perception.sim.simulation import Simulation

# Directions in which free ground is looked for: a picture is no wider.
_WIDE = np.linspace(np.radians(60), np.radians(-60), 121)
# Below this speed (m/s) the robot stands, and above this turn rate (rad/s) it turns.
_STANDS, _TURNS = 0.05, 0.4


def navigation_truth(
    simulation: Simulation, route: Route, expert: Expert, episode: str, frame: int
) -> NavigationTruth:
    """The labels of a frame that is taken now.

    Args:
        simulation: of the drive.
        route: to its goal.
        expert: who would drive there.
        episode: name of the drive.
        frame: number of the frame in it.

    Raises:
        ValueError: no way leads from here to the goal.
    """
    pose = simulation.pose
    people = simulation.people.discs()
    free = simulation.plan.free_distance(pose, _WIDE, SCAN_RANGE, people)
    return NavigationTruth(
        episode=episode,
        frame=frame,
        seconds=simulation.seconds,
        velocity=simulation.velocity,
        goal=towards(seen_from(pose, np.array(simulation.world.goal))),
        goal_distance=route.distance((pose.x, pose.y)),
        collision=simulation.hits_within(COLLISION_SECONDS),
        action=action_of(expert.command(pose, simulation.velocity)),
        scan=simulation.plan.free_distance(pose, SCAN_ANGLES, SCAN_RANGE, people),
        path=expert.waypoints(pose, PATH_POINTS, PATH_SPACING),
        free_space=free_ground(simulation.world.look, simulation.size, _WIDE, free, SCAN_RANGE),
    )


def towards(point: np.ndarray) -> tuple[float, float]:
    """Distance and bearing (positive is left) of a point (2,) in the robot's frame."""
    return math.hypot(*point), math.atan2(point[1], point[0])


def action_of(command: tuple[float, float]) -> str:
    """The one of ACTIONS that describes a speed and a turn rate best."""
    speed, turn = command
    if abs(turn) > _TURNS:
        return "turn_left" if turn > 0 else "turn_right"
    return "forward" if speed > _STANDS else "stop"
