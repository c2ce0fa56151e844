"""What the launch files are made of: arguments, the environment of large images, RViz and the nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable

# Not from `launch` itself, for which mypy takes our folder of launch files.
from launch.launch_context import LaunchContext
from launch.launch_description import LaunchDescription
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from vit_perception.nodes.launch_plan import Argument, NodePlan
from vit_perception.nodes.transport import large_image_environment

Values = Mapping[str, str]  # of the arguments, by name


def describe(
    arguments: Sequence[Argument],
    plan: Callable[[Values, Path], Sequence[NodePlan]],
    remappings: Callable[[Values], list[tuple[str, str]]],
    rviz: Path,
) -> LaunchDescription:
    """The description of a launch file.

    Args:
        arguments: that it takes; `namespace` and `rviz` are among them.
        plan: the nodes for their values and the folder with the package's parameter files.
        remappings: of these nodes.
        rviz: its configuration, in that folder.
    """

    def start(context: LaunchContext) -> list[Node]:
        values = {each.name: LaunchConfiguration(each.name).perform(context) for each in arguments}
        common = {"namespace": values["namespace"], "remappings": remappings(values), "output": "screen"}
        nodes = []
        if values["rviz"] == "true":
            # It comes first: where it is not installed, launch fails here, before it has started any node.
            nodes.append(_rviz(rviz, values.get("use_sim_time") == "true", common))
        return [*nodes, *(_node(each, common) for each in plan(values, rviz.parent))]

    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(
                    argument.name,
                    default_value=argument.default,
                    description=argument.description,
                    choices=list(argument.choices) or None,
                )
                for argument in arguments
            ),
            # Large images need these. RViz gets them, too, to receive the images of the nodes.
            *(SetEnvironmentVariable(name, value) for name, value in large_image_environment().items()),
            OpaqueFunction(function=start),
        ]
    )


def _rviz(config: Path, use_sim_time: bool, common: Mapping[str, object]) -> Node:
    return Node(
        package="rviz2",
        executable="rviz2",
        arguments=["-d", str(config)],
        parameters=[{"use_sim_time": use_sim_time}],
        **common,
    )


def _node(plan: NodePlan, common: Mapping[str, object]) -> Node:
    overrides = [dict(plan.parameters)] if plan.parameters else []
    return Node(
        package="vit_perception",
        executable=plan.executable,
        name=plan.name,
        parameters=[*map(str, plan.parameter_files), *overrides],
        **common,
    )
