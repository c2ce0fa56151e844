"""From a path to a velocity within limits. Needs no ROS."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vit_perception.nodes.navigation.settings import NavigationSettings

# Metres ahead of the point on the path that the robot steers for.
_LOOK_AHEAD = 0.6
# Radians off the path from which on the robot turns on the spot, where it may.
_TURN_FIRST = math.radians(50)
# A rate of turn for an angle, a second: half a radian off gives one radian a second.
_TURN_GAIN = 2.0


@dataclass(frozen=True)
class Velocity:
    """Of a robot with two driven wheels.

    Attributes:
        speed: metres a second; positive is ahead.
        turn: radians a second; positive is to the left.
    """

    speed: float = 0.0
    turn: float = 0.0


STANDSTILL = Velocity()


def follow(path: np.ndarray, remaining: float, limits: NavigationSettings) -> Velocity:
    """The velocity that follows a path: pure pursuit (Coulter 1992) of a point a little ahead on it.

    Args:
        path: (N, 2) metres, x ahead and y to the left, from near to far.
        remaining: metres to the goal, before which the robot slows down.
        limits: of speed and turn; braking takes `max_acceleration`.
    """
    x, y = _point_ahead(path)
    distance, angle = math.hypot(x, y), math.atan2(y, x)
    if abs(angle) > _TURN_FIRST and limits.turn_in_place:
        return Velocity(0.0, _within(_TURN_GAIN * angle, limits.max_turn))
    speed = braked(remaining, limits)
    curvature = 2 * math.sin(angle) / distance if distance > 1e-3 else 0.0
    speed = min(speed, limits.max_turn / abs(curvature)) if curvature else speed
    return Velocity(speed, _within(speed * curvature, limits.max_turn))


def braked(remaining: float, limits: NavigationSettings) -> float:
    """The greatest speed from which a robot comes to stand in so many metres."""
    return min(limits.max_speed, math.sqrt(2 * limits.max_acceleration * max(remaining, 0.0)))


def ramp(wanted: Velocity, last: Velocity, seconds: float, limits: NavigationSettings) -> Velocity:
    """The wanted velocity, as far as the limits of acceleration let it come in this time."""
    return Velocity(
        last.speed + _within(wanted.speed - last.speed, limits.max_acceleration * seconds),
        last.turn + _within(wanted.turn - last.turn, limits.max_turn_acceleration * seconds),
    )


def _point_ahead(path: np.ndarray) -> tuple[float, float]:
    """The first point of the path that is far enough to steer for; the last, if none is."""
    far = np.hypot(path[:, 0], path[:, 1]) >= _LOOK_AHEAD
    x, y = path[int(np.argmax(far))] if far.any() else path[-1]
    return float(x), float(y)


def _within(value: float, limit: float) -> float:
    return max(-limit, min(limit, value))
