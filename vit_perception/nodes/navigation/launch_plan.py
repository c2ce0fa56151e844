"""The arguments of `launch/navigation.launch.py` and the node it starts. Does not import launch or rclpy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vit_perception.nodes import launch_plan
from vit_perception.nodes.executables import SUITE, SUITE_NODE
from vit_perception.nodes.launch_plan import Argument, NodePlan, parse_tasks, user_files
from vit_perception.tasks import NAVIGATION

_SHARED = {argument.name: argument for argument in launch_plan.ARGUMENTS}
_TRUE_OR_FALSE = ("true", "false")

ARGUMENTS = (
    Argument(
        "drive",
        "false",
        "true: publish the velocity that drives the robot to the goal. This argument alone decides, whatever "
        "params_file says.",
        _TRUE_OR_FALSE,
    ),
    _SHARED["image_topic"],
    _SHARED["image_transport"],
    _SHARED["depth_topic"],
    _SHARED["depth_transport"],
    Argument("odom_topic", "odom", "Odometry of the robot."),
    Argument(
        "goal_topic", "goal_pose", "Where the goal comes from, as RViz's tool 2D Goal Pose publishes it."
    ),
    Argument(
        "cmd_vel_topic",
        "navigation/cmd_vel",
        "Where the velocity goes. A name other than the robot's own, behind a multiplexer, leaves a person "
        "the last word.",
    ),
    Argument(
        "stamped_cmd_vel",
        "true",
        "Type of the velocity. true: TwistStamped. false: Twist.",
        _TRUE_OR_FALSE,
    ),
    Argument("base_frame", "base_link", "Frame of the robot, x ahead and y to the left."),
    Argument(
        "tasks", f"{NAVIGATION},attention", "Tasks to compute, separated by commas, navigation among them."
    ),
    _SHARED["model"],
    _SHARED["device"],
    _SHARED["namespace"],
    Argument("use_sim_time", "false", "true: take the time from /clock, as of a simulator.", _TRUE_OR_FALSE),
    _SHARED["params_file"],
    Argument(
        "rviz", "false", "true: also start RViz, with path, scan and the tool for goals.", _TRUE_OR_FALSE
    ),
)
# Parameter of the node by argument.
_PARAMETERS = {
    "device": "device",
    "model": "model",
    "image_transport": "image_transport",
    "depth_transport": "depth_transport",
    "base_frame": "navigation.base_frame",
}
_FLAGS = {"stamped_cmd_vel": "navigation.stamped_cmd_vel", "use_sim_time": "use_sim_time"}


def plan_nodes(values: Mapping[str, str], config: Path) -> list[NodePlan]:
    """The one node to start for these argument values.

    Args:
        values: by name of the argument, for all of ARGUMENTS.
        config: folder with the package's parameter files.

    Raises:
        ValueError: a task does not exist, or navigation is not among them.
        FileNotFoundError: `params_file` does not exist.
    """
    tasks = parse_tasks(values["tasks"])
    if NAVIGATION not in tasks:
        raise ValueError(
            f"tasks:={values['tasks']} has no navigation: add it, or launch perception.launch.py"
        )
    defaults = {argument.name: argument.default for argument in ARGUMENTS}
    # An argument at its default is not passed on, so that the parameter files decide.
    given = {name for name, value in values.items() if value != defaults[name]}
    parameters: dict[str, str | bool | list[str]] = {
        "tasks": list(tasks),
        "navigation.drive": values["drive"] == "true",
        **{parameter: values[name] for name, parameter in _PARAMETERS.items() if name in given},
        **{parameter: values[name] == "true" for name, parameter in _FLAGS.items() if name in given},
    }
    files = (config / f"{SUITE}.yaml", *user_files(values["params_file"]))
    return [NodePlan(SUITE, SUITE_NODE, files, parameters)]


def remappings(values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Remappings of the node's topics to the robot's."""
    return [
        *launch_plan.remappings(values),
        ("odom", values["odom_topic"]),
        ("goal_pose", values["goal_topic"]),
        ("navigation/cmd_vel", values["cmd_vel_topic"]),
    ]
