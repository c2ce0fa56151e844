"""Follow the gap (Sezer and Gokasan 2012) on a depth image: the baseline without learning.

It drives towards the open direction that is nearest to the goal's, and knows only what it sees now.
"""

from __future__ import annotations

import math

import numpy as np

from vit_perception.sim.driving.observation import Observation
from vit_perception.sim.robot import CAMERA_X, HEIGHT, MAX_SPEED, MAX_TURN, RADIUS

# What is lower than this, in metres, is ground, which a camera on a slope sees higher; and farther away is
# nothing that matters yet.
_GROUND, _RANGE = 0.08, 3.0
_BEAM = math.radians(1.0)
# A direction is open if the robot can go so far there, in metres, with so much room beside it.
_OPEN, _ROOM = 1.0, 0.08
# Nearer than this, in metres, it does not go on, but turns until it sees a gap.
_STOP = 0.4
# With the goal further to the side, in radians, it turns on the spot if nothing is near.
_ASIDE = 0.9
# After the bumper has touched something, it goes back for so many frames, turning where there is more room.
_BACK, _BACK_SPEED = 10, -0.25
# Radians by which a gap may be worse than the one of the moment before it changes its mind.
_LOYALTY = 0.3


class FollowTheGap:
    """The policy of one drive."""

    def __init__(self) -> None:
        self._heading = 0.0
        self._turning = 0.0
        self._back = 0
        self._aside = 0.0

    def command(self, seen: Observation) -> tuple[float, float]:
        """Speed (m/s) and turn rate (rad/s). Without depth it stands still."""
        if seen.depth is None:
            return 0.0, 0.0
        return self.steer(*scan_of(seen), seen.to_goal, seen.bumped)

    def steer(
        self, angles: np.ndarray, ranges: np.ndarray, goal: tuple[float, float], bumped: bool = False
    ) -> tuple[float, float]:
        """Speed and turn rate, from free distances (N,) at angles (N,) and where the goal is."""
        distance, bearing = goal
        if bumped:
            self._back = _BACK
            self._aside = math.copysign(0.4 * MAX_TURN, float(ranges @ angles))
        if self._back > 0:
            self._back -= 1
            return _BACK_SPEED, self._aside
        free = room_to_go(angles, ranges)
        if free.max() < _STOP:
            # In a corner. Once it turns, it turns the same way until it is out.
            self._turning = self._turning or math.copysign(0.6 * MAX_TURN, bearing)
            return 0.0, self._turning
        self._turning = 0.0
        if abs(bearing) > _ASIDE and free[np.abs(angles).argmin()] > min(_OPEN, distance):
            return 0.0, math.copysign(0.6 * MAX_TURN, bearing)
        enough = min(_OPEN, float(free.max()), max(distance, _STOP))
        costs = np.abs(angles - bearing) + _LOYALTY * np.abs(angles - self._heading)
        best = int(np.where(free >= enough, costs, np.inf).argmin())
        self._heading = float(angles[best])
        speed = MAX_SPEED * min(1.0, max(0.0, free[best] - 0.2) / 1.5) * math.cos(self._heading) ** 2
        return speed, max(-MAX_TURN, min(MAX_TURN, 2.0 * self._heading))


def scan_of(seen: Observation) -> tuple[np.ndarray, np.ndarray]:
    """(N,) headings, right first, and (N,) metres from the robot's middle to the nearest thing at each."""
    depth = seen.depth
    if depth is None:
        raise ValueError("without depth there is no scan")
    (focal, _, centre_x), (_, _, centre_y) = seen.intrinsics[:2]
    rows, columns = np.indices(depth.shape)
    right, below = (columns + 0.5 - centre_x) / focal, (rows + 0.5 - centre_y) / focal
    cosine, sine = math.cos(seen.camera_pitch), math.sin(seen.camera_pitch)
    x = CAMERA_X + depth * (cosine - below * sine)
    y = -depth * right
    z = seen.camera_height - depth * (below * cosine + sine)
    side = math.atan2(centre_x, focal)
    edges = np.arange(-side, side + _BEAM, _BEAM)
    angles = (edges[:-1] + edges[1:]) / 2
    ranges = np.full(len(angles), _RANGE)
    thing = (depth > 0) & (z > _GROUND) & (z < HEIGHT + 0.05) & (np.hypot(x, y) < _RANGE)
    beams = np.floor((np.arctan2(y[thing], x[thing]) + side) / _BEAM).astype(int)
    inside = (beams >= 0) & (beams < len(angles))
    np.minimum.at(ranges, beams[inside], np.hypot(x[thing], y[thing])[inside])
    return angles, ranges


def room_to_go(angles: np.ndarray, ranges: np.ndarray) -> np.ndarray:
    """(N,) metres that the robot, as wide as it is, could go at each of the angles (N,) of a scan."""
    between = angles[None] - angles[:, None]
    along, across = ranges * np.cos(between), np.abs(ranges * np.sin(between))
    width = RADIUS + _ROOM
    touches = (across < width) & (along > 0) & (ranges < _RANGE)
    reach = along - np.sqrt(np.maximum(0.0, width**2 - across**2))
    return np.where(touches, np.maximum(reach, 0.0), _RANGE).min(axis=1)
