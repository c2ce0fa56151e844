"""People who walk, and who wait where the robot is in their way."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np

from vit_perception.runtime.planar import Pose
from vit_perception.sim.robot import RADIUS
from vit_perception.sim.world import Walker

# Nobody steps nearer to the robot than this, from edge to edge, in metres. Who looks ahead so many seconds
# and sees that they would, waits: so it is never a person who walks into the robot.
_DISTANCE, _LOOK_AHEAD = 0.35, 0.4
# Who has waited so many seconds turns round.
_PATIENCE = 3.0


class People:
    """Where each person is. Everybody has a clock of their own, which stands while they wait.

    Args:
        walkers: of the world.

    Attributes:
        clocks: (K,) seconds that each has walked. Who has turned round walks back in time.
    """

    def __init__(self, walkers: Sequence[Walker]) -> None:
        self._walkers = tuple(walkers)
        self.clocks = np.zeros(len(self._walkers))
        self._pace = np.ones(len(self._walkers))
        self._waited = np.zeros(len(self._walkers))

    def step(self, robot: Pose, dt: float) -> None:
        """Let `dt` seconds pass."""
        for place, walker in enumerate(self._walkers):
            if not self._in_the_way(robot, walker, self.clocks[place], self._pace[place]):
                self.clocks[place] += self._pace[place] * dt
                self._waited[place] = 0.0
            else:
                self._waited[place] += dt
            if self._waited[place] > _PATIENCE:
                self._pace[place] *= -1
                self._waited[place] = 0.0

    def discs(self) -> np.ndarray:
        """(K, 3) x, y and radius of each."""
        found = [
            (*walker.at(clock)[:2], walker.radius)
            for walker, clock in zip(self._walkers, self.clocks.tolist(), strict=True)
        ]
        return np.array(found).reshape(-1, 3)

    def expected(self, times: np.ndarray, robot: Pose) -> np.ndarray:
        """(N, K, 3) the same at times (N,), seconds from now and ascending, while the robot stays.

        Who waits goes on waiting.
        """
        found = np.empty((len(times), len(self._walkers), 3))
        for place, walker in enumerate(self._walkers):
            clock, pace = float(self.clocks[place]), float(self._pace[place])
            waits = self._waited[place] > 0
            for moment, dt in enumerate(np.diff(times, prepend=0.0).tolist()):
                waits = waits or self._in_the_way(robot, walker, clock, pace)
                clock += 0.0 if waits else pace * dt
                found[moment, place] = (*walker.at(clock)[:2], walker.radius)
        return found

    def copy(self) -> People:
        """The same people, who go on by themselves."""
        return copy.deepcopy(self)

    @staticmethod
    def _in_the_way(robot: Pose, walker: Walker, clock: float, pace: float) -> bool:
        distances = [
            math.hypot(x - robot.x, y - robot.y)
            for x, y, _ in (walker.at(clock), walker.at(clock + pace * _LOOK_AHEAD))
        ]
        return distances[1] < min(distances[0], walker.radius + RADIUS + _DISTANCE)
