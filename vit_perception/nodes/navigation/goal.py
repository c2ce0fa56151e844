"""The goal as the robot sees it: its distance, and its bearing from straight ahead. Needs no ROS."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

from vit_perception.nodes.navigation.transforms import FrameError, Transform, TransformBuffer, plain
from vit_perception.runtime.planar import ORIGIN, Pose


@dataclass(frozen=True)
class Goal:
    """A place to go to.

    Attributes:
        frame: of the coordinates.
        position: x, y, z in metres.
        seconds: when it was given; 0 where its stamp says nothing.
    """

    frame: str
    position: tuple[float, float, float]
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, self.position)):
            raise ValueError(f"goal_pose {self.position} is no place: give finite metres")
        if not plain(self.frame):
            raise ValueError("goal_pose has no frame_id: give one such as map or odom")


@dataclass(frozen=True)
class Sight:
    """A goal as it is seen from the robot.

    Attributes:
        goal: that is seen.
        distance: metres along the ground.
        bearing: radians from straight ahead, positive to the left (REP 103).
        pose: of the robot in the goal's frame: x and y in metres, and its heading in radians.
    """

    goal: Goal
    distance: float
    bearing: float
    pose: Pose = ORIGIN

    @property
    def words(self) -> str:
        """For people."""
        side = "left" if self.bearing >= 0 else "right"
        return f"{self.distance:.1f} m, {math.degrees(abs(self.bearing)):.0f}° to the {side}"


class Whereabouts:
    """Follows the robot by its odometry and other transforms, and sees the goal from it, for any thread.

    The odometry says where its child frame is, whatever other transforms say: a robot whose odometry and
    localisation both do would jump between the two.

    Args:
        base_frame: of the robot, in which the goal is seen.
    """

    def __init__(self, base_frame: str) -> None:
        self._base = plain(base_frame)
        self._buffer = TransformBuffer()
        self._lock = threading.Lock()
        self._goal: Goal | None = None
        self._odometry: tuple[str, str] | None = None

    @property
    def goal(self) -> Goal | None:
        """That was given last."""
        return self._goal

    @property
    def needs_transforms(self) -> bool:
        """Whether the odometry alone does not connect the goal with the robot."""
        goal, odometry = self._goal, self._odometry
        if goal is None or odometry is None:
            return False
        return plain(goal.frame) not in odometry or self._base not in odometry

    def set_goal(self, goal: Goal) -> None:
        with self._lock:
            self._goal = goal

    def move(self, odom_frame: str, child_frame: str, seconds: float, pose: Transform) -> None:
        """Take the odometry: where the robot is in the odometry's frame at a time.

        Raises:
            ValueError: both frames are one, or have no name.
        """
        frames = plain(odom_frame), plain(child_frame)
        if not all(frames):
            raise ValueError("odom lacks frame_id or child_frame_id: give names such as odom and base_link")
        self._buffer.put(*frames, seconds, pose)
        self._odometry = frames

    def connect(self, parent: str, child: str, seconds: float | None, transform: Transform) -> None:
        """Take a transform of /tf, or of /tf_static, where `seconds` is None."""
        if self._odometry is None or plain(child) != self._odometry[1]:
            self._buffer.put(parent, child, seconds, transform)

    def mount(self, frame: str, seconds: float) -> Transform | None:
        """Where a frame of the robot, such as a camera's, is in the robot's own; None while nobody says."""
        try:
            return self._buffer.lookup(self._base, plain(frame), seconds, math.inf)
        except FrameError:
            return None

    def forget_after(self, seconds: float) -> None:
        """Time went back to `seconds`: forget what is later, the goal as well."""
        with self._lock:
            self._buffer.forget_after(seconds)
            # One without a stamp may be of either time.
            if self._goal is not None and not 0 < self._goal.seconds <= seconds:
                self._goal = None

    def sight(self, seconds: float, max_age: float) -> Sight | None:
        """The goal from where the robot is at a time; None without a goal.

        Args:
            max_age: seconds that the nearest known place of a frame may be apart from that time.

        Raises:
            FrameError: where the goal is, seen from the robot, is not known; the message says why.
        """
        with self._lock:
            if (goal := self._goal) is None:
                return None
            if self._odometry is None:
                raise FrameError("no odometry has come")
            goal = self._goal = self._anchored(goal, seconds, max_age)
        seen = self._buffer.lookup(self._base, goal.frame, seconds, max_age)
        x, y, _ = seen.apply(goal.position)
        robot = seen.inverse()
        ahead = robot.apply((1.0, 0.0, 0.0)) - robot.translation
        pose = Pose(float(robot.translation[0]), float(robot.translation[1]), math.atan2(ahead[1], ahead[0]))
        return Sight(goal, math.hypot(x, y), math.atan2(y, x), pose)

    def _anchored(self, goal: Goal, seconds: float, max_age: float) -> Goal:
        """The goal; in the odometry's frame if it was given in one that moves with the robot: a metre ahead
        is where that was when it was said."""
        assert self._odometry is not None  # see sight
        odom, child = self._odometry
        if not (self._buffer.is_within(goal.frame, child) or self._buffer.is_within(goal.frame, self._base)):
            return goal
        when = goal.seconds or seconds
        there = self._buffer.lookup(odom, goal.frame, when, max_age)
        x, y, z = map(float, there.apply(goal.position))
        return Goal(odom, (x, y, z), when)
