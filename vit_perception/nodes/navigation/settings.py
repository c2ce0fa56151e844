"""The run-time parameters of driving, as one record. Needs no ROS."""

from __future__ import annotations

from dataclasses import dataclass

# What attention/heatmap shows: the parameter `attention.shows`.
CLASS_TOKEN, ACTION = SHOWN = ("class_token", "action")


@dataclass(frozen=True)
class NavigationSettings:
    """The parameters `navigation.…`, by the same names. The frame and the type are fixed while configured.

    Attributes:
        drive: whether `navigation/cmd_vel` is published.
        stamped_cmd_vel: whether as TwistStamped; else as Twist.
        base_frame: of the robot.
        max_speed: metres a second.
        max_turn: radians a second.
        max_acceleration: metres a second squared.
        max_turn_acceleration: radians a second squared.
        robot_radius: metres from the robot's origin to its outermost point.
        turn_in_place: whether it may turn on the spot.
        goal_tolerance: metres from the goal at which it is reached.
        collision_threshold: probability of a collision from which on the robot stops.
        max_frame_age_ms: age of a frame from which on the robot stops.
        max_pose_age_ms: age of odometry or transforms from which on the goal is lost.
    """

    drive: bool = False
    stamped_cmd_vel: bool = True
    base_frame: str = "base_link"
    max_speed: float = 0.5
    max_turn: float = 1.0
    max_acceleration: float = 0.5
    max_turn_acceleration: float = 2.0
    robot_radius: float = 0.25
    turn_in_place: bool = True
    goal_tolerance: float = 0.3
    collision_threshold: float = 0.5
    max_frame_age_ms: float = 500.0
    max_pose_age_ms: float = 500.0

    @property
    def max_frame_age(self) -> float:
        """Seconds."""
        return self.max_frame_age_ms / 1e3

    @property
    def max_pose_age(self) -> float:
        """Seconds."""
        return self.max_pose_age_ms / 1e3
