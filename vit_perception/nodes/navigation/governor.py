"""Whether the robot may move, and how: every reason to stop stands before the velocity. Needs no ROS."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from vit_perception.nodes.navigation.goal import Goal, Sight
from vit_perception.nodes.navigation.settings import NavigationSettings
from vit_perception.nodes.navigation.velocity import STANDSTILL, Velocity, follow, free_ahead, ramp
from vit_perception.runtime.results import Navigation

# The action that says to wait, and the share of the scores from which on it is meant.
_WAIT, _LEAST_SHARE = "stop", 0.5
# Seconds of standstill after which a robot may turn away from what it stopped for.
_PATIENCE = 1.0
# Longest time, in seconds, for which one command accelerates: after a pause the robot starts gently.
_LONGEST_STEP = 0.2


class Stop(enum.Enum):
    """Why the robot stands."""

    STALE = "the newest frame is too old"
    AHEAD = "the frame's stamp is ahead of the node's clock"
    LOST = "the goal is lost"
    NO_GOAL = "there is no goal"
    REACHED = "the goal is reached"
    NO_PATH = "the model gives no path"
    COLLISION = "a collision is predicted"
    WAIT = "the model says stop"


@dataclass(frozen=True)
class Decision:
    """What to do now.

    Attributes:
        velocity: to send.
        stop: why the robot does not go ahead; None while it does.
    """

    velocity: Velocity
    stop: Stop | None = None


class Governor:
    """Decides for one frame after another. Times are of the node's clock, in seconds.

    A stop is a zero at once. Only driving on is smoothed by the limits of acceleration.
    """

    def __init__(self) -> None:
        self._last = STANDSTILL
        self._time: float | None = None
        self._stands_since: float | None = None
        self._reached: Goal | None = None

    def decide(
        self,
        found: Navigation,
        sight: Sight | None,
        lost: bool,
        age: float,
        now: float,
        settings: NavigationSettings,
    ) -> Decision:
        """The velocity after the answer to one frame.

        Args:
            found: the answer.
            sight: the goal as the frame was taken; None without one.
            lost: whether there is a goal and nobody knows where.
            age: seconds since the frame was taken.
            now: when the velocity is sent.
        """
        stop = self._reason(found, sight, lost, age, settings)
        if stop is None or (stop in (Stop.COLLISION, Stop.WAIT) and self._may_turn(now, settings)):
            assert found.path is not None  # a reason to stop
            assert sight is not None  # the same
            free = free_ahead(found.scan, found.scan_angles, settings.robot_radius)
            wanted = follow(found.path, free, sight.distance, settings)
            if stop is not None:
                wanted = Velocity(0.0, wanted.turn)
            passed = 0.0 if self._time is None else max(now - self._time, 0.0)
            if passed > settings.max_frame_age:  # it has stood meanwhile
                self._last = STANDSTILL
            self._last = ramp(wanted, self._last, min(passed, _LONGEST_STEP), settings)
            self._time = now
            if stop is None:
                self._stands_since = None
            return Decision(self._last, stop)
        self.halt(now)
        return Decision(STANDSTILL, stop)

    def halt(self, now: float) -> None:
        """The robot has been told to stand."""
        self._last, self._time = STANDSTILL, now
        if self._stands_since is None:
            self._stands_since = now

    def _reason(
        self, found: Navigation, sight: Sight | None, lost: bool, age: float, settings: NavigationSettings
    ) -> Stop | None:
        if age > settings.max_frame_age:
            return Stop.STALE
        if age < -settings.max_frame_age:
            return Stop.AHEAD
        if lost:
            return Stop.LOST
        if sight is None:
            return Stop.NO_GOAL
        if sight.goal == self._reached or sight.distance <= settings.goal_tolerance:
            self._reached = sight.goal
            return Stop.REACHED
        if found.path is None or not np.isfinite(found.path).all():
            return Stop.NO_PATH
        # A collision that is not known may be one.
        if found.collision is None or not found.collision < settings.collision_threshold:
            return Stop.COLLISION
        return Stop.WAIT if _waits(found) else None

    def _may_turn(self, now: float, settings: NavigationSettings) -> bool:
        """Whether the robot has stood for a while, and may turn on the spot to get away."""
        since = self._stands_since
        return settings.turn_in_place and since is not None and now - since >= _PATIENCE


def _waits(found: Navigation) -> bool:
    if found.action_scores is None or _WAIT not in found.actions:
        return False
    return float(found.action_scores[found.actions.index(_WAIT)]) >= _LEAST_SHARE
