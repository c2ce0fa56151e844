"""Start vit_perception as a navigator: camera, depth, and a goal from RViz.

`ros2 launch vit_perception navigation.launch.py image_topic:=/camera/image_raw rviz:=true`
"""

from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from vit_perception.nodes.navigation.launch_plan import ARGUMENTS, plan_node, remappings
from vit_perception.nodes.transport import large_image_environment

CONFIG = Path(__file__).parent.parent / "config"


def start(context: LaunchContext) -> list[Node]:
    values = {argument.name: LaunchConfiguration(argument.name).perform(context) for argument in ARGUMENTS}
    common = {"namespace": values["namespace"], "remappings": remappings(values), "output": "screen"}
    nodes = []
    if values["rviz"] == "true":
        # RViz comes first: where it is not installed, launch fails here, before it has started any node.
        nodes.append(
            Node(
                package="rviz2",
                executable="rviz2",
                arguments=["-d", str(CONFIG / "navigation.rviz")],
                parameters=[{"use_sim_time": values["use_sim_time"] == "true"}],
                **common,
            )
        )
    plan = plan_node(values, CONFIG)
    nodes.append(
        Node(
            package="vit_perception",
            executable=plan.executable,
            name=plan.name,
            parameters=[*map(str, plan.parameter_files), dict(plan.parameters)],
            **common,
        )
    )
    return nodes


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(
                    argument.name,
                    default_value=argument.default,
                    description=argument.description,
                    choices=list(argument.choices) or None,
                )
                for argument in ARGUMENTS
            ),
            # Large images need these. RViz gets them, too, to receive the images of the node.
            *(SetEnvironmentVariable(name, value) for name, value in large_image_environment().items()),
            OpaqueFunction(function=start),
        ]
    )
