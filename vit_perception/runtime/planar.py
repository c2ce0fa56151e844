"""A robot on the ground: where it is, what is around it, and where velocities lead it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np


class Pose(NamedTuple):
    """Where a robot is, in metres and radians of a frame that stands still; yaw turns left."""

    x: float
    y: float
    yaw: float


ORIGIN = Pose(0.0, 0.0, 0.0)


def directions(angles: np.ndarray) -> np.ndarray:
    """(..., 2) x and y of a metre at angles (...), radians."""
    return np.stack((np.cos(angles), np.sin(angles)), axis=-1)


def seen_from(pose: Pose, points: np.ndarray) -> np.ndarray:
    """(..., 2) points (..., 2) of the world in the robot's frame: x ahead, y to its left."""
    cosine, sine = math.cos(pose.yaw), math.sin(pose.yaw)
    x, y = points[..., 0] - pose.x, points[..., 1] - pose.y
    return np.stack((x * cosine + y * sine, y * cosine - x * sine), axis=-1)


def placed(pose: Pose, points: np.ndarray) -> np.ndarray:
    """(..., 2) points (..., 2) of the robot's frame in the world."""
    cosine, sine = math.cos(pose.yaw), math.sin(pose.yaw)
    x, y = points[..., 0], points[..., 1]
    return np.stack((pose.x + x * cosine - y * sine, pose.y + x * sine + y * cosine), axis=-1)


def ways(
    commands: np.ndarray,
    velocity: tuple[float, float],
    acceleration: tuple[float, float],
    seconds: float,
    steps: int,
    pose: Pose = ORIGIN,
) -> tuple[np.ndarray, np.ndarray]:
    """(M, steps, 2) where each of (M, 2) commands leads in this time, and (M, steps) headings, step for step.

    Args:
        commands: speed (m/s) and turn rate (rad/s) that are asked for.
        velocity: of the robot now, likewise.
        acceleration: most change of both in a second.
        seconds: in all.
        steps: of equal length.
        pose: of the robot now.
    """
    dt = seconds / steps
    now = np.reshape(velocity, (2, 1, 1))
    change = dt * np.arange(1, steps + 1) * np.reshape(acceleration, (2, 1, 1))
    speeds, turns = now + np.clip(commands.T[..., None] - now, -change, change)
    headings = pose.yaw + dt * (np.cumsum(turns, axis=1) - turns / 2)
    moves = dt * speeds[..., None] * directions(headings)
    return np.asarray(np.array((pose.x, pose.y)) + np.cumsum(moves, axis=1)), headings
