"""How the robot moves: the speeds of a differential drive, and what its wheels report."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from vit_perception.runtime.planar import Pose
from vit_perception.sim.robot import MAX_ACCELERATION, MAX_SPEED, MAX_TURN, MAX_TURN_ACCELERATION

# What the wheels report is wrong by a factor that stays (worn wheels), by a share of each step (slip), and in
# the heading by a drift with the way driven, in radians a root metre.
_SCALE, _TURN_SCALE, _SLIP, _DRIFT = 0.01, 0.005, 0.05, 0.002


def approach(velocity: ArrayLike, command: ArrayLike, dt: float | np.ndarray) -> np.ndarray:
    """(2, ...) speed and turn rate `dt` seconds after `velocity`, with `command` asked for; both (2, ...)."""
    now = np.asarray(velocity, dtype=float)
    shape = (2, *(1,) * (now.ndim - 1))
    most = np.reshape((MAX_SPEED, MAX_TURN), shape)
    change = dt * np.reshape((MAX_ACCELERATION, MAX_TURN_ACCELERATION), shape)
    return now + np.clip(np.clip(command, -most, most) - now, -change, change)


def moved(pose: Pose, speed: float, turn: float, dt: float) -> Pose:
    """Where the robot is after `dt` seconds at this speed (m/s) and turn rate (rad/s): on an arc."""
    half = turn * dt / 2
    # The chord of the arc; sinc is 1 for a straight line.
    chord = speed * dt * float(np.sinc(half / math.pi))
    return Pose(
        pose.x + chord * math.cos(pose.yaw + half),
        pose.y + chord * math.sin(pose.yaw + half),
        wrapped(pose.yaw + 2 * half),
    )


def wrapped(angle: float) -> float:
    """The same angle, -pi to pi."""
    return math.remainder(angle, math.tau)


class Odometry:
    """The pose as the wheels report it: it begins at the origin, and drifts away from the truth.

    Args:
        seed: of its errors; the same seed has the same.

    Attributes:
        pose: in the frame `odom`, whose origin is where the robot started.
    """

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng((seed, 0x0D0))
        self._scales = 1 + self._random.normal(0, (_SCALE, _TURN_SCALE))
        self.pose = Pose(0.0, 0.0, 0.0)

    def step(self, speed: float, turn: float, dt: float) -> None:
        """Report a step of `dt` seconds in which the robot moved like this."""
        slips = 1 + self._random.normal(0, _SLIP, 2)
        drift = self._random.normal(0, _DRIFT * math.sqrt(abs(speed) * dt)) / dt
        scaled, turned = self._scales * slips * (speed, turn)
        self.pose = moved(self.pose, scaled, turned + drift, dt)
