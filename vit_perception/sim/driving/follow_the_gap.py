"""Follow the gap (Sezer and Gokasan 2012) on a depth image: the baseline without learning.

It drives towards the open direction that is nearest to the goal's. Where that leads away from the goal, it
keeps what blocks the way at one side until it is past it, as a bug does (Lumelsky and Stepanov 1987). It
knows what it sees, and what it saw a while ago around it.
"""

from __future__ import annotations

import math

import numpy as np

from vit_perception.sim.drive import wrapped
from vit_perception.sim.driving.observation import Observation
from vit_perception.sim.driving.surroundings import Surroundings
from vit_perception.sim.robot import CAMERA_X, HEIGHT, MAX_SPEED, MAX_TURN, RADIUS

# What is lower than this, in metres, is ground, which a camera on a slope sees higher; and farther away is
# nothing that matters yet.
_GROUND, _RANGE = 0.08, 3.0
_BEAM = math.radians(1.0)
# A direction is open if the robot can go so far there, in metres, with so much room beside it.
_OPEN, _ROOM = 0.8, 0.06
# With its way further to the side, in radians, it turns on the spot.
_ASIDE = 0.6
# After the bumper has touched something, it goes back for so many frames, turning where there is more room.
_BACK, _BACK_SPEED = 6, -0.25
# Radians by which a gap may be worse than the one of the moment before it changes its mind.
_LOYALTY = 0.3
# With the nearest gap further from the goal's direction, in radians, something is in the way, and it goes
# around; it is past when it is so much nearer to the goal, in metres, and its way is open.
_BLOCKED, _PAST = 1.3, 0.3
# After so many frames it tries the other side.
_PATIENCE = 200


class FollowTheGap:
    """The policy of one drive."""

    def __init__(self) -> None:
        self._surroundings = Surroundings(_RANGE, _BEAM)
        self._heading = 0.0
        self._back = 0
        self._aside = 0.0
        # While it goes around something: 1 to its left, -1 to its right, since so many frames, and how far
        # the goal was.
        self._side, self._around, self._met = 0.0, 0, 0.0

    def command(self, seen: Observation) -> tuple[float, float]:
        """Speed (m/s) and turn rate (rad/s). Without depth it stands still."""
        if seen.depth is None:
            return 0.0, 0.0
        if seen.bumped and not self._back:
            self._surroundings.touch(seen.odometry)
        angles, ranges = self._surroundings.add(*scan_of(seen), seen.odometry)
        return self.steer(angles, ranges, seen.to_goal, seen.bumped)

    def steer(
        self, angles: np.ndarray, ranges: np.ndarray, goal: tuple[float, float], bumped: bool = False
    ) -> tuple[float, float]:
        """Speed and turn rate, from free distances (N,) at angles (N,) and where the goal is."""
        if bumped:
            self._back = _BACK
            self._aside = math.copysign(0.4 * MAX_TURN, float(ranges @ np.sin(angles)))
        if self._back > 0:
            self._back -= 1
            return _BACK_SPEED, self._aside
        self._heading, room = self._gap(angles, room_to_go(angles, ranges), goal)
        turn = max(-MAX_TURN, min(MAX_TURN, 2.0 * self._heading))
        if abs(self._heading) > _ASIDE:
            return 0.0, turn
        speed = MAX_SPEED * min(1.0, max(0.15, room / 1.2)) * math.cos(self._heading) ** 2
        return (speed if room > 0 else 0.0), turn

    def _gap(self, angles: np.ndarray, free: np.ndarray, goal: tuple[float, float]) -> tuple[float, float]:
        """The direction to take, and the metres that are free there."""
        distance, bearing = goal
        enough = min(_OPEN, float(free.max()), max(distance - RADIUS, 0.1))
        gaps = angles[free >= enough]
        aside = np.abs(_turns(gaps, bearing))
        nearest = float(gaps[(aside + _LOYALTY * np.abs(_turns(gaps, self._heading))).argmin()])
        blocked = float(aside.min()) > _BLOCKED
        if not self._side and blocked:
            self._side, self._around = math.copysign(1.0, wrapped(nearest - bearing)), 0
            self._met = distance
        elif self._side and not blocked and distance < self._met - _PAST:
            self._side = 0.0
        if self._side:
            self._around += 1
            if self._around > _PATIENCE:
                self._side, self._around, self._met = -self._side, 0, distance
            # The first gap from where the obstacle is, beside the robot, to the other side.
            turns = self._side * _turns(gaps, self._heading) + math.pi / 2
            nearest = float(gaps[(turns % math.tau).argmin()])
        return nearest, float(free[np.abs(angles - nearest).argmin()])


def _turns(angles: np.ndarray, start: float) -> np.ndarray:
    """(N,) radians, -pi to pi, from `start` to angles (N,)."""
    return (angles - start + math.pi) % math.tau - math.pi


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
