"""What a robot saw around it a while ago: it sees ahead alone, and what it drives past is beside it."""

from __future__ import annotations

import math

import numpy as np

from vit_perception.runtime.planar import Pose, seen_from
from vit_perception.sim.robot import RADIUS

# Frames after which a point is forgotten, and metres by which one may be before what is seen now. The camera
# looks over low things that are nearer than this, in metres.
_FRAMES, _BEFORE, _OVER = 100, 0.15, 0.9
# What the bumper touches is so far ahead, in metres, and up to so far aside, in radians.
_TOUCHED, _TOUCHED_ASIDE = RADIUS + 0.03, np.radians((-30, -15, 0, 15, 30))


class Surroundings:
    """Points that were seen or touched in the last frames, unless something behind them is seen now.

    Args:
        most: metres within which they count.
        beam: radians from one direction to the next.
    """

    def __init__(self, most: float, beam: float) -> None:
        self._most = most
        edges = np.linspace(-math.pi, math.pi, round(math.tau / beam) + 1)
        self._angles = (edges[:-1] + edges[1:]) / 2
        self._points = np.zeros((0, 2))
        self._ages = np.zeros(0, int)

    def add(self, angles: np.ndarray, ranges: np.ndarray, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
        """See, and give all around: angles (M,), and metres (M,) to the nearest point at each.

        Args:
            angles: (N,) ascending, of what is seen now.
            ranges: (N,) metres to the nearest thing at each.
            pose: of the robot, by its odometry.
        """
        x, y = seen_from(pose, self._points).T
        far, at = np.hypot(x, y), np.arctan2(y, x)
        seen = np.interp(at, angles, ranges, left=0.0, right=0.0)
        kept = ((far > seen - _BEFORE) | (far < _OVER)) & (far < self._most) & (self._ages < _FRAMES)
        self._points, self._ages = self._points[kept], self._ages[kept] + 1
        hit = ranges < self._most
        self._remember(angles[hit], ranges[hit], pose)
        around = np.full(len(self._angles), self._most)
        x, y = seen_from(pose, self._points).T
        places = ((np.arctan2(y, x) + math.pi) / math.tau * len(around)).astype(int) % len(around)
        np.minimum.at(around, places, np.hypot(x, y))
        return self._angles, around

    def touch(self, pose: Pose) -> None:
        """Remember that something is before the robot, which is at `pose`."""
        self._remember(_TOUCHED_ASIDE, np.full(len(_TOUCHED_ASIDE), _TOUCHED), pose)

    def _remember(self, angles: np.ndarray, ranges: np.ndarray, pose: Pose) -> None:
        headings = pose.yaw + angles
        ahead = np.stack((np.cos(headings), np.sin(headings)), axis=1)
        self._points = np.vstack((self._points, (pose.x, pose.y) + ranges[:, None] * ahead))
        self._ages = np.concatenate((self._ages, np.zeros(len(angles), int)))
