"""Start vit_perception as a navigator: camera, depth, and a goal from RViz.

`ros2 launch vit_perception navigation.launch.py image_topic:=/camera/image_raw rviz:=true`
"""

from pathlib import Path

from launch import LaunchDescription

from vit_perception.nodes.launch_description import describe
from vit_perception.nodes.navigation.launch_plan import ARGUMENTS, plan_nodes, remappings

CONFIG = Path(__file__).parent.parent / "config"


def generate_launch_description() -> LaunchDescription:
    return describe(ARGUMENTS, plan_nodes, remappings, CONFIG / "navigation.rviz")
