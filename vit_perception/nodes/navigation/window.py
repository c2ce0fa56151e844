"""The velocity that touches nothing and gets on best. Needs no ROS.

A dynamic window (Fox et al. 1997) over the costs of the rest of the way (Brock and Khatib 1999).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vit_perception.nodes.navigation.settings import NavigationSettings
from vit_perception.nodes.navigation.velocity import STANDSTILL, Velocity
from vit_perception.runtime.planar import Pose, directions, placed, ways

# Seconds that are looked ahead, in so many steps; and the step after which the rest of the way is judged.
_HORIZON, _STEPS, _JUDGED = 1.6, 16, 7
# Velocities are tried at these shares of the greatest speed and turn rate.
_SPEEDS = (1.0, 0.75, 0.5, 0.25, 0.0)
_TURNS = (0.0, -0.1, 0.1, -0.25, 0.25, -0.5, 0.5, -1.0, 1.0)
# Metres to keep from things: the least, and those wanted; and the detour that a metre nearer is worth.
_LEAST, _WANTED, _WORTH = 0.04, 0.2, 2.0
# Metres around a place at which costs are compared, for the direction in which they fall; and the detour that
# a radian beside it is worth.
_AROUND, _ASIDE = 0.3, 0.25
_DIRECTIONS = np.radians(np.arange(-180, 180, 15))
# Where at its edge a robot that drives may touch something, radians beside its heading, and what each place
# counts for. The detour that a metre is worth which nobody has looked at, and a whole turn rate.
_FRONT, _SHARES = np.radians((-60, -30, 0, 30, 60)), np.array((0.1, 0.15, 0.5, 0.15, 0.1))
_BLIND, _CALM = 3.5, 0.02

# (N,) of x and y (N, 2).
At = Callable[[np.ndarray], np.ndarray]


def best(
    costs: At,
    unknown: At,
    pose: Pose,
    last: Velocity,
    things: np.ndarray,
    limits: NavigationSettings,
    fastest: float,
) -> Velocity:
    """The safe velocity that leads to where the rest of the way costs least; to stand, if none is safe.

    Args:
        costs: of the way to the goal, metres.
        unknown: whether nobody has looked there.
        pose: of the robot.
        last: its velocity now.
        things: (N, 3) around it: metres ahead and to the left, and how far they reach around there.
        limits: of turn rate and acceleration; the robot's radius, and whether it turns on the spot.
        fastest: metres a second.
    """
    tried = np.array([(fastest * speed, limits.max_turn * turn) for speed in _SPEEDS for turn in _TURNS])
    if not limits.turn_in_place:
        tried = tried[(tried[:, 0] > 0) | (tried[:, 1] == 0)]
    acceleration = limits.max_acceleration, limits.max_turn_acceleration
    reached, headings = ways(tried, (last.speed, last.turn), acceleration, _HORIZON, _STEPS)
    gaps, safe = _gaps(reached, things[:, :2], limits.robot_radius + things[:, 2])
    if not safe.any():
        return STANDSTILL
    ends, heading = reached[:, _JUDGED], headings[:, _JUDGED]
    sides = headings[..., None] + _FRONT
    fronts = reached[..., None, :] + limits.robot_radius * directions(sides)
    blind = (unknown(placed(pose, fronts).reshape(-1, 2)).reshape(sides.shape) @ _SHARES).mean(axis=1)
    spent = (
        costs(placed(pose, ends))
        + _ASIDE * _beside(costs, pose, ends, heading)
        + _WORTH * np.maximum(0.0, _WANTED - gaps)
        + _BLIND * blind * np.hypot(*ends.T)
        + _CALM * np.abs(tried[:, 1]) / limits.max_turn
    )
    speed, turn = tried[np.where(safe, spent, np.inf).argmin()]
    return Velocity(float(speed), float(turn))


def _gaps(reached: np.ndarray, things: np.ndarray, apart: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(M,) the least metres that stay free on each way, and (M,) whether it is safe.

    Args:
        reached: (M, steps, 2) of the robot's middle.
        things: (N, 2) places.
        apart: (N,) metres from the robot's middle at which it touches them.
    """
    if not len(things):
        return np.full(len(reached), np.inf), np.ones(len(reached), bool)
    x, y = (reached[:, :, None] - things).transpose(3, 0, 1, 2)
    gaps = np.sqrt((x**2 + y**2).min(axis=1)) - apart
    # Who is nearer already may go where it comes no nearer still.
    least = np.minimum(_LEAST, np.hypot(*things.T) - apart - 1e-3)
    return gaps.min(axis=1), (gaps >= least).all(axis=1)


def _beside(costs: At, pose: Pose, ends: np.ndarray, headings: np.ndarray) -> np.ndarray:
    """(M,) radians between where a robot heads in the end and where costs fall from there."""
    around = placed(pose, (ends[:, None] + _AROUND * directions(_DIRECTIONS)).reshape(-1, 2))
    down = _DIRECTIONS[costs(around).reshape(len(ends), -1).argmin(axis=1)]
    return np.asarray(np.abs((down - headings + np.pi) % (2 * np.pi) - np.pi))
