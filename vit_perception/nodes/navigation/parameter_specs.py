"""The parameters of a navigator: what drives, how fast, and when it stops."""

from __future__ import annotations

from collections.abc import Iterator

from vit_perception.nodes import parameter_checks as checks
from vit_perception.nodes.navigation.settings import SHOWN, NavigationSettings
from vit_perception.nodes.parameter_spec import Change, ParameterSpec, number
from vit_perception.tasks import ATTENTION, NAVIGATION

_DEFAULT = NavigationSettings()
_SPEEDS = (0.01, 5.0)
_TURNS = (0.01, 10.0)
_ACCELERATIONS = (0.01, 20.0)
_TURN_ACCELERATIONS = (0.01, 100.0)
_RADII = (0.01, 5.0)
_DISTANCES = (0.01, 10.0)
_AGES_MS = (1.0, 60_000.0)


def navigation_specs() -> Iterator[ParameterSpec]:
    """One for each field of `NavigationSettings`, and what the attention node shows of a navigator."""
    yield ParameterSpec(
        "navigation.drive",
        _DEFAULT.drive,
        "Whether to publish navigation/cmd_vel, the velocity that follows navigation/path to goal_pose. "
        "Needs a navigator, and one camera.",
        tasks=(NAVIGATION,),
    )
    yield ParameterSpec(
        "navigation.stamped_cmd_vel",
        _DEFAULT.stamped_cmd_vel,
        "Type of navigation/cmd_vel. true: geometry_msgs/TwistStamped. false: geometry_msgs/Twist.",
        Change.UNCONFIGURED,
        tasks=(NAVIGATION,),
    )
    yield ParameterSpec(
        "navigation.base_frame",
        _DEFAULT.base_frame,
        "Frame of the robot, x ahead and y to the left, in which navigation/path, navigation/scan and "
        "navigation/cmd_vel are.",
        Change.UNCONFIGURED,
        checks.frame,
        tasks=(NAVIGATION,),
    )
    yield number(
        "navigation.max_speed",
        _DEFAULT.max_speed,
        "Highest speed of navigation/cmd_vel, in metres a second.",
        _SPEEDS,
        "a speed: give metres a second",
        NAVIGATION,
    )
    yield number(
        "navigation.max_turn",
        _DEFAULT.max_turn,
        "Highest rate of turn of navigation/cmd_vel, in radians a second.",
        _TURNS,
        "a rate of turn: give radians a second",
        NAVIGATION,
    )
    yield number(
        "navigation.max_acceleration",
        _DEFAULT.max_acceleration,
        "Largest change of speed, in metres a second squared, while the robot drives. To stop, it is told "
        "zero at once.",
        _ACCELERATIONS,
        "an acceleration: give metres a second squared",
        NAVIGATION,
    )
    yield number(
        "navigation.max_turn_acceleration",
        _DEFAULT.max_turn_acceleration,
        "Largest change of the rate of turn, in radians a second squared, while the robot drives.",
        _TURN_ACCELERATIONS,
        "an acceleration: give radians a second squared",
        NAVIGATION,
    )
    yield number(
        "navigation.robot_radius",
        _DEFAULT.robot_radius,
        "Distance from the origin of the robot's frame to its outermost point, in metres.",
        _RADII,
        "a radius: give metres",
        NAVIGATION,
    )
    yield ParameterSpec(
        "navigation.turn_in_place",
        _DEFAULT.turn_in_place,
        "Whether the robot may turn on the spot: to face its path, and away from what it has stood before "
        "for a second. false for one whose corners would hit something.",
        tasks=(NAVIGATION,),
    )
    yield number(
        "navigation.goal_tolerance",
        _DEFAULT.goal_tolerance,
        "Distance from the goal, in metres, at which it is reached and the robot stops.",
        _DISTANCES,
        "a distance: give metres",
        NAVIGATION,
    )
    yield ParameterSpec(
        "navigation.collision_threshold",
        _DEFAULT.collision_threshold,
        "Score of navigation/collision, 0 to 1, from which on the robot stops.",
        check=checks.number(0.0, 1.0, "a score"),
        limits=(0.0, 1.0),
        tasks=(NAVIGATION,),
    )
    yield number(
        "navigation.max_frame_age_ms",
        _DEFAULT.max_frame_age_ms,
        "Age of the newest answered frame, in milliseconds by the node's clock, above which the robot stops; "
        "also for stamps that far ahead of the clock.",
        _AGES_MS,
        "an age: give milliseconds",
        NAVIGATION,
    )
    yield number(
        "navigation.max_pose_age_ms",
        _DEFAULT.max_pose_age_ms,
        "Time between a frame and the nearest odometry or transform, in milliseconds, above which the goal "
        "is lost and the robot stops.",
        _AGES_MS,
        "an age: give milliseconds",
        NAVIGATION,
    )
    yield ParameterSpec(
        "attention.shows",
        SHOWN[0],
        "What attention/heatmap shows. class_token: attention of the last layer's class token. action: what "
        "a navigator's action reads of the colour and the depth of each place.",
        check=checks.one_of(*SHOWN),
        tasks=(ATTENTION,),
    )
