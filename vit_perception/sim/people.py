"""People who walk, and who wait where the robot is in their way."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np

from vit_perception.sim.robot import RADIUS, Pose
from vit_perception.sim.world import Walker

# Nobody steps nearer to the robot than this, from edge to edge, in metres. Who looks ahead so many seconds
# and sees that they would, waits: so it is never a person who walks into the robot.
_DISTANCE, _LOOK_AHEAD = 0.35, 0.4


class People:
    """Where each person is. Everybody has a clock of their own, which stands while they wait.

    Args:
        walkers: of the world.

    Attributes:
        clocks: (K,) seconds that each has walked.
    """

    def __init__(self, walkers: Sequence[Walker]) -> None:
        self._walkers = tuple(walkers)
        self.clocks = np.zeros(len(self._walkers))

    def step(self, robot: Pose, dt: float) -> None:
        """Let `dt` seconds pass."""
        for place, walker in enumerate(self._walkers):
            if not self._in_the_way(robot, walker, float(self.clocks[place])):
                self.clocks[place] += dt

    def discs(self, ahead: float | np.ndarray = 0.0) -> np.ndarray:
        """(..., K, 3) x, y and radius of each, `ahead` (...) seconds from now if nobody waits."""
        times = np.asarray(ahead)
        found = [
            (*walker.at(clock + time)[:2], walker.radius)
            for time in times.ravel().tolist()
            for walker, clock in zip(self._walkers, self.clocks.tolist(), strict=True)
        ]
        return np.array(found).reshape(*times.shape, len(self._walkers), 3)

    def copy(self) -> People:
        """The same people, whose clocks go on by themselves."""
        other = copy.copy(self)
        other.clocks = self.clocks.copy()
        return other

    @staticmethod
    def _in_the_way(robot: Pose, walker: Walker, clock: float) -> bool:
        distances = [
            math.hypot(x - robot.x, y - robot.y)
            for x, y, _ in (walker.at(clock), walker.at(clock + _LOOK_AHEAD))
        ]
        return distances[1] < min(distances[0], walker.radius + RADIUS + _DISTANCE)
