"""Who drives with the map in the head: by pure pursuit (Coulter 1992) of the way that keeps clear.

Of the commands around the pursuit's, `window.py` takes one that touches nothing and lets people pass.
"""

from __future__ import annotations

import math

import numpy as np

from vit_perception.runtime.planar import Pose, seen_from
from vit_perception.sim.people import People
from vit_perception.sim.plan import Plan
from vit_perception.sim.robot import MAX_SPEED, MAX_TURN, RADIUS
from vit_perception.sim.route import Route
from vit_perception.sim.window import best_command

# Metres along the way to the point that is pursued, if it is in sight; and the nearest one.
_LOOK_AHEAD, _NEAREST = 0.9, 0.25
# With the way further to the side, in radians, the robot turns on the spot.
_ASIDE = 0.9
# How far the robot's edge keeps from things on the way straight to the point, in metres.
_LEAST = 0.04
# The robot slows down where the walls are nearer than this, in metres from its edge, to this share.
_NARROW, _SLOW = 0.3, 0.5
_SPACING = 0.05
# It makes room for somebody who is nearer than this, in metres from edge to edge, and blocks the way.
_CROWDED = 0.6


class Expert:
    """Drives to the goal of a route.

    Args:
        plan: of the world.
        route: to the goal.
        people: in the world; None: nobody.
    """

    def __init__(self, plan: Plan, route: Route, people: People | None = None) -> None:
        self._plan = plan
        self._route = route
        self._people = people or People(())

    def command(self, pose: Pose, velocity: tuple[float, float]) -> tuple[float, float]:
        """Speed (m/s) and turn rate (rad/s) to ask for now.

        Args:
            pose: of the robot.
            velocity: its speed and turn rate.
        """
        place = np.array((pose.x, pose.y))
        near = self._plan.near(place, 2.5)
        people = self._people.discs()
        path = self._route.path(place, people)
        if len(path) > 1:
            target = self._target(path, near, people)
        elif len(people) and (gap := _gap(place, people))[0] < _CROWDED:
            # Somebody stands where the only way leads: they pass when the robot has made room.
            target = place + gap[1]
        else:
            target = self._target(self._route.path(place), near, people)
        ahead = seen_from(pose, target)
        return best_command(self._pursue(ahead, near, pose), pose, velocity, near, self._people)

    def waypoints(self, pose: Pose, n: int = 8, spacing: float = 0.25) -> np.ndarray:
        """(n, 2) points of the way, `spacing` metres apart, in the robot's frame: x ahead, y left.

        After the goal they stay there.
        """
        path = self._route.path((pose.x, pose.y), self._people.discs())
        if len(path) == 1:
            path = self._route.path((pose.x, pose.y))
        return seen_from(pose, _along(path, spacing * np.arange(1, n + 1)))

    def _target(self, path: np.ndarray, near: Plan, people: np.ndarray) -> np.ndarray:
        """(2,) the farthest point of the way, up to the look-ahead, that the robot can go to straight."""
        points = _along(path, np.arange(_NEAREST, _LOOK_AHEAD + _SPACING, _SPACING))
        shares = np.linspace(0.1, 1.0, 10)[:, None, None]
        between = (path[0] + shares * (points - path[0])).reshape(-1, 2)
        gaps = near.clearance(between, people).reshape(10, -1).min(axis=0) - RADIUS
        seen = np.flatnonzero(gaps > _LEAST)
        return points[seen[-1] if len(seen) else 0]

    def _pursue(self, target: np.ndarray, near: Plan, pose: Pose) -> tuple[float, float]:
        distance, bearing = float(np.hypot(*target)), math.atan2(target[1], target[0])
        if abs(bearing) > _ASIDE:
            return 0.0, math.copysign(min(MAX_TURN, 2.5 * abs(bearing)), bearing)
        gap = float(near.clearance(np.array([(pose.x, pose.y)]))[0]) - RADIUS
        room = _SLOW + (1 - _SLOW) * min(1.0, max(0.0, gap) / _NARROW)
        speed = MAX_SPEED * room * math.cos(bearing) ** 2
        return speed, max(-MAX_TURN, min(MAX_TURN, 2 * speed * math.sin(bearing) / max(distance, _NEAREST)))


def _along(path: np.ndarray, metres: np.ndarray) -> np.ndarray:
    """(N, 2) points of a path, so many metres (N,) from its start."""
    steps = np.hypot(*np.diff(path, axis=0).T)
    along = np.concatenate(([0.0], np.cumsum(steps)))
    # A way over a grid has kinks: each point is the mean of those around.
    around = np.clip(metres[:, None] + np.linspace(-0.2, 0.2, 9), 0.0, along[-1])
    x, y = (np.interp(around, along, values).mean(axis=1) for values in path.T)
    return np.stack((x, y), axis=1)


def _gap(place: np.ndarray, people: np.ndarray) -> tuple[float, np.ndarray]:
    """Metres from the robot's edge to the nearest person, and (2,) the direction away from them."""
    offsets = place - people[:, :2]
    gaps = np.hypot(*offsets.T) - people[:, 2] - RADIUS
    nearest = offsets[gaps.argmin()]
    return float(gaps.min()), nearest / np.hypot(*nearest)
