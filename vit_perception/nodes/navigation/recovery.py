"""What a robot does that does not get on, as in Nav2: back up, spin, or clear the map. Needs no ROS."""

from __future__ import annotations

import math

import numpy as np

from vit_perception.nodes.navigation.local_map import LocalMap
from vit_perception.nodes.navigation.settings import NavigationSettings
from vit_perception.nodes.navigation.velocity import Velocity
from vit_perception.runtime.planar import Pose, directions, placed

# Metres that a robot gets on in this time, in seconds: one that is told to drive, and one that finds no way.
_PROGRESS, _HELD, _LOST = 0.1, 1.5, 4.0
# Frames in which it was told to drive, at so many metres a second or more, from which on something holds it.
_TOLD, _DRIVES = 8, 0.02
# It backs up so far, so long and so fast at most, while so much is free behind it; else it spins as long, at
# this share of its turn rate.
_FAR, _LONG, _SPEED, _BEHIND, _SPIN = 0.25, 2.0, 0.2, 0.15, 0.5
# Where somebody must have looked before it backs up: radians from its heading, and metres from its edge.
_BACK, _EDGES = np.radians((140, 160, 180, 200, 220)), (0.03, 0.12)
# Where it was stuck before, within so many metres, the map is cleared as far as this.
_AGAIN, _CLEARED = 0.4, 0.6


class Recovery:
    """Watches whether a robot gets on. Times are in seconds."""

    def __init__(self) -> None:
        self._mark: tuple[Pose, float] | None = None
        self._told = 0
        # Where it began to get away, and whether it spins.
        self._begun: Pose | None = None
        self._spins = False
        self._stuck: Pose | None = None

    def forget(self) -> None:
        """The robot stands for a reason."""
        self._mark = self._begun = None

    def lead(
        self, last: Velocity, pose: Pose, now: float, ground: LocalMap, limits: NavigationSettings
    ) -> Velocity | None:
        """The velocity that gets a stuck robot away; None while it needs none.

        Args:
            last: that the robot was told.
            pose: of the robot.
            now: seconds.
            ground: what stands around it; learns what has held the robot.
            limits: its speed and radius.
        """
        if self._mark is None or math.dist(self._mark[0][:2], pose[:2]) > _PROGRESS:
            self._mark, self._told = (pose, now), 0
        self._told += last.speed > _DRIVES
        held = self._told > _TOLD
        if self._begun is None and now - self._mark[1] > (_HELD if held else _LOST):
            self._learn(pose, held, ground, limits)
            self._begun, self._mark = pose, (pose, now)
            self._spins = not (_seen_behind(ground, pose, limits) and _free_behind(ground, pose, limits))
        if self._begun is None:
            return None
        if math.dist(self._begun[:2], pose[:2]) > _FAR or now - self._mark[1] > _LONG:
            self._begun, self._mark, self._told = None, (pose, now), 0
            return None
        if self._spins:
            return Velocity(0.0, _SPIN * limits.max_turn)
        return Velocity(-min(_SPEED, limits.max_speed)) if _free_behind(ground, pose, limits) else None

    def _learn(self, pose: Pose, held: bool, ground: LocalMap, limits: NavigationSettings) -> None:
        if held:
            ground.touch(pose, limits.robot_radius)
        elif self._stuck is not None and math.dist(self._stuck[:2], pose[:2]) < _AGAIN:
            ground.forget(pose, _CLEARED)
            self._stuck = None
        else:
            self._stuck = pose


def _seen_behind(ground: LocalMap, pose: Pose, limits: NavigationSettings) -> bool:
    edge = [(limits.robot_radius + metres) * directions(_BACK) for metres in _EDGES]
    return not ground.is_unknown(placed(pose, np.concatenate(edge))).any()


def _free_behind(ground: LocalMap, pose: Pose, limits: NavigationSettings) -> bool:
    ahead, aside, reach = ground.around(pose, 1.0).T
    behind = (ahead < 0) & (ahead > -limits.robot_radius - _BEHIND - reach)
    return not (behind & (np.abs(aside) < limits.robot_radius + reach)).any()
