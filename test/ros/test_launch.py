"""`perception.launch.py` through the real launch and launch_ros."""

import os
from pathlib import Path

import pytest

# Not `launch`: without ROS, the folder of that name in the working directory would pass for it.
pytest.importorskip("launch_ros", reason="launch_ros is not installed: it comes with a ROS 2 distribution")
from launch import LaunchContext
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.utilities import perform_substitutions

from vit_perception.nodes.launch_plan import ARGUMENTS
from vit_perception.nodes.transport import VARIABLES

LAUNCH_FILE = Path(__file__).parents[2] / "launch" / "perception.launch.py"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    """What the launch file sets is set in this very process: keep it from the other tests."""
    monkeypatch.setattr(os, "environ", dict(os.environ))


def description(context):
    return PythonLaunchDescriptionSource(str(LAUNCH_FILE)).get_launch_description(context)


def start(**arguments):
    """The nodes that the launch file would start with these arguments, and the context then."""
    context = LaunchContext()
    context.launch_configurations.update(arguments)
    nodes = []
    for entity in description(context).entities:
        made = entity.visit(context)
        if isinstance(entity, OpaqueFunction):
            nodes = made
    return nodes, context


def executables(nodes):
    return [(node.node_package, node.node_executable) for node in nodes]


def test_every_argument_is_declared():
    context = LaunchContext()
    entities = description(context).entities
    declared = {entity.name: entity for entity in entities if isinstance(entity, DeclareLaunchArgument)}
    assert list(declared) == [argument.name for argument in ARGUMENTS]
    for argument in ARGUMENTS:
        assert perform_substitutions(context, declared[argument.name].default_value) == argument.default


def test_composed_and_separate():
    assert executables(start()[0]) == [("vit_perception", "suite")]
    nodes, _ = start(composed="false", tasks="detection,segmentation", namespace="front")
    assert executables(nodes) == [("vit_perception", "detector"), ("vit_perception", "segmenter")]


def test_a_preset():
    nodes, _ = start(preset="cpu", composed="false")
    assert executables(nodes) == [("vit_perception", "classifier"), ("vit_perception", "detector")]


def test_rviz_comes_along():
    assert executables(start(rviz="true")[0])[0] == ("rviz2", "rviz2")


def test_images_will_arrive(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("RMW_IMPLEMENTATION", raising=False)
    _, context = start()
    assert any(name in context.environment for name in VARIABLES)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"device": "tpu"}, "tpu"),
        ({"composed": "maybe"}, "maybe"),
        ({"image_transport": "theora"}, "theora"),
        ({"preset": "fast"}, "fast"),
        ({"tasks": "driving"}, "unknown task 'driving'"),
        ({"params_file": "/no/such.yaml"}, "does not exist"),
    ],
)
def test_wrong_values_are_refused(arguments, says):
    with pytest.raises((RuntimeError, ValueError, FileNotFoundError), match=says):
        start(**arguments)
