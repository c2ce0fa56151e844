"""`navigation.launch.py` through the real launch and launch_ros."""

import os
from pathlib import Path

import pytest

# Not `launch`: without ROS, the folder of that name in the working directory would pass for it.
pytest.importorskip("launch_ros", reason="launch_ros is not installed: it comes with a ROS 2 distribution")
from launch import LaunchContext
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource

from vit_perception.nodes.navigation.launch_plan import ARGUMENTS

LAUNCH_FILE = Path(__file__).parents[2] / "launch" / "navigation.launch.py"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    """What the launch file sets is set in this very process: keep it from the other tests."""
    monkeypatch.setattr(os, "environ", dict(os.environ))


def start(**arguments):
    """The nodes that the launch file would start with these arguments, and the names of its own."""
    context = LaunchContext()
    context.launch_configurations.update(arguments)
    entities = PythonLaunchDescriptionSource(str(LAUNCH_FILE)).get_launch_description(context).entities
    declared = [entity.name for entity in entities if isinstance(entity, DeclareLaunchArgument)]
    made = [(entity, entity.visit(context)) for entity in entities]
    (nodes,) = (found for entity, found in made if isinstance(entity, OpaqueFunction))
    return [(node.node_package, node.node_executable) for node in nodes], declared


def test_the_suite_and_its_arguments():
    nodes, declared = start()
    assert nodes == [("vit_perception", "suite")]
    assert declared == [argument.name for argument in ARGUMENTS]


def test_rviz_comes_along():
    assert start(rviz="true", drive="true")[0] == [("rviz2", "rviz2"), ("vit_perception", "suite")]


@pytest.mark.parametrize(
    ("arguments", "says"), [({"drive": "yes"}, "yes"), ({"tasks": "detection"}, "has no navigation")]
)
def test_wrong_values_are_refused(arguments, says):
    with pytest.raises((RuntimeError, ValueError), match=says):
        start(**arguments)
