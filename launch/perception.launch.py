"""Start vit_perception on a camera.

`ros2 launch vit_perception perception.launch.py image_topic:=/camera/image_raw`
"""

from pathlib import Path

from launch import LaunchDescription

from vit_perception.nodes.launch_description import describe
from vit_perception.nodes.launch_plan import ARGUMENTS, plan_nodes, remappings

CONFIG = Path(__file__).parent.parent / "config"


def generate_launch_description() -> LaunchDescription:
    return describe(ARGUMENTS, plan_nodes, remappings, CONFIG / "perception.rviz")
