"""Whether the robot may move, and how: every reason to stop stands before the velocity. Needs no ROS."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from vit_perception.nodes.navigation.goal import Goal, Sight
from vit_perception.nodes.navigation.local_map import BODY, LocalMap
from vit_perception.nodes.navigation.planner import CostsToGo
from vit_perception.nodes.navigation.recovery import Recovery
from vit_perception.nodes.navigation.scan import Scan
from vit_perception.nodes.navigation.settings import NavigationSettings
from vit_perception.nodes.navigation.velocity import STANDSTILL, Velocity, braked, follow, ramp
from vit_perception.nodes.navigation.window import best
from vit_perception.runtime.results import Navigation

# The action that says to wait, and the share of the scores from which on it is meant.
_WAIT, _LEAST_SHARE = "stop", 0.5
# Seconds of standstill after which a robot may turn away from what it stopped for.
_PATIENCE = 1.0
# Longest time, in seconds, for which one command accelerates: after a pause the robot starts gently.
_LONGEST_STEP = 0.2
# Greatest speed for a metre to the goal, a second.
_CLOSE = 1.0
# With somebody within so many metres who moves, it goes at this share of its speed.
_CROWD, _CAREFUL = 1.0, 0.7


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
        # In the frame of the goal.
        self._map: LocalMap | None = None
        self._frame = ""
        self._recovery = Recovery()

    def decide(
        self,
        found: Navigation,
        scan: Scan | None,
        sight: Sight | None,
        lost: bool,
        age: float,
        now: float,
        settings: NavigationSettings,
    ) -> Decision:
        """The velocity after the answer to one frame.

        Args:
            found: the answer.
            scan: what is free around the robot, as the frame was taken; None: nobody knows.
            sight: the goal as the frame was taken; None without one.
            lost: whether there is a goal and nobody knows where.
            age: seconds since the frame was taken.
            now: when the velocity is sent.
        """
        stop = self._reason(found, sight, lost, age, settings)
        if sight is not None and scan is not None:
            if self._map is None or sight.goal.frame != self._frame:
                self._map, self._frame = LocalMap(sight.pose), sight.goal.frame
            self._map.see(scan, sight.pose, now - age)
        if stop is None or (stop in (Stop.COLLISION, Stop.WAIT) and self._may_turn(now, settings)):
            assert found.path is not None  # a reason to stop
            assert sight is not None  # the same
            passed = 0.0 if self._time is None else max(now - self._time, 0.0)
            if passed > settings.max_frame_age:  # it has stood meanwhile
                self._last = STANDSTILL
            if stop is not None:
                self._recovery.forget()
                wanted = Velocity(0.0, follow(found.path, sight.distance, settings).turn)
            elif self._map is None:
                wanted = follow(found.path, sight.distance, settings)
            else:
                wanted = self._on_the_map(self._map, sight, now, settings)
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

    def _on_the_map(
        self, ground: LocalMap, sight: Sight, now: float, settings: NavigationSettings
    ) -> Velocity:
        """The velocity that gets on to the goal, around what has been seen."""
        pose, (x, y) = sight.pose, sight.goal.position[:2]
        crowded = ground.somebody_passes(pose, _CROWD)
        if crowded:  # who waits for somebody is not stuck
            self._recovery.forget()
        elif settings.turn_in_place and (
            away := self._recovery.lead(self._last, pose, now, ground, settings)
        ):
            return away
        # A goal may be near a wall: it is come to slowly.
        fastest = min(braked(sight.distance, settings), _CLOSE * sight.distance)
        if crowded:
            fastest *= _CAREFUL
        costs = CostsToGo(ground, (pose.x, pose.y), (x, y), settings.robot_radius)
        things = ground.around(pose, settings.robot_radius + BODY + 2 * fastest)
        return best(costs, ground.is_unknown, pose, self._last, things, settings, fastest)

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
