"""What `navigation.launch.py` starts for which arguments, without launch_ros; and the files beside it."""

from pathlib import Path

import pytest
import yaml

from vit_perception.nodes.navigation.launch_plan import ARGUMENTS, plan_nodes, remappings

ROOT = Path(__file__).parents[3]
CONFIG = ROOT / "config"


def values(**changes):
    return {argument.name: argument.default for argument in ARGUMENTS} | changes


def test_the_arguments_and_their_defaults():
    assert values() == {
        "drive": "false",
        "image_topic": "image",
        "image_transport": "raw",
        "depth_topic": "depth_image",
        "depth_transport": "raw",
        "odom_topic": "odom",
        "goal_topic": "goal_pose",
        "cmd_vel_topic": "navigation/cmd_vel",
        "stamped_cmd_vel": "true",
        "base_frame": "base_link",
        "tasks": "navigation,attention",
        "model": "robot_vit_s14",
        "device": "auto",
        "namespace": "",
        "use_sim_time": "false",
        "params_file": "",
        "rviz": "false",
    }
    for argument in ARGUMENTS:
        assert argument.description
        assert not argument.choices or argument.default in argument.choices


def test_it_is_the_suite_and_does_not_drive():
    (node,) = plan_nodes(values(), CONFIG)
    assert (node.executable, node.name) == ("suite", "perception")
    assert node.parameter_files == (CONFIG / "suite.yaml",)
    assert node.parameters == {"tasks": ["navigation", "attention"], "navigation.drive": False}


def test_the_argument_alone_decides_whether_it_drives(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("/**: {ros__parameters: {navigation.drive: true}}\n")
    (node,) = plan_nodes(values(params_file=str(file)), CONFIG)
    assert node.parameter_files == (CONFIG / "suite.yaml", file)
    assert node.parameters["navigation.drive"] is False
    assert plan_nodes(values(drive="true"), CONFIG)[0].parameters["navigation.drive"] is True


def test_arguments_become_parameters():
    changed = {
        "stamped_cmd_vel": "false",
        "use_sim_time": "true",
        "base_frame": "base_footprint",
        "model": "mine",
        "device": "cpu",
        "image_transport": "compressed",
        "depth_transport": "compressedDepth",
        "tasks": "detection,navigation",
    }
    assert plan_nodes(values(**changed), CONFIG)[0].parameters == {
        "tasks": ["detection", "navigation"],
        "navigation.drive": False,
        "navigation.stamped_cmd_vel": False,
        "navigation.base_frame": "base_footprint",
        "use_sim_time": True,
        "model": "mine",
        "device": "cpu",
        "image_transport": "compressed",
        "depth_transport": "compressedDepth",
    }


def test_topics_of_the_robot():
    robot = {
        "image_topic": "/camera/color/image_raw",
        "depth_topic": "/camera/depth/image",
        "odom_topic": "/wheels/odom",
        "cmd_vel_topic": "/mux/vision",
    }
    assert dict(remappings(values(**robot))) == {
        "image": "/camera/color/image_raw",
        "image/compressed": "/camera/color/image_raw/compressed",
        "camera_info": "/camera/color/camera_info",
        "depth_image": "/camera/depth/image",
        "depth_image/compressedDepth": "/camera/depth/image/compressedDepth",
        "odom": "/wheels/odom",
        "goal_pose": "goal_pose",
        "navigation/cmd_vel": "/mux/vision",
    }


def test_wrong_values_are_named():
    with pytest.raises(ValueError, match="tasks:=detection has no navigation: add it"):
        plan_nodes(values(tasks="detection"), CONFIG)
    with pytest.raises(FileNotFoundError, match=r"params_file /no/such\.yaml does not exist"):
        plan_nodes(values(params_file="/no/such.yaml"), CONFIG)


def test_the_layout_sends_goals_and_shows_the_frame_of_the_odometry():
    layout = yaml.safe_load((CONFIG / "navigation.rviz").read_text())["Visualization Manager"]
    tools = {tool["Class"]: tool for tool in layout["Tools"]}
    assert tools["rviz_default_plugins/SetGoal"]["Topic"]["Value"] == "goal_pose"
    assert layout["Global Options"]["Fixed Frame"] == "odom"


@pytest.mark.parametrize("costmap", ["local_costmap", "global_costmap"])
def test_nav2_gets_the_scan_as_it_is(costmap):
    parameters = yaml.safe_load((CONFIG / "nav2_navigation_scan.yaml").read_text())
    costmap = parameters[costmap][costmap]["ros__parameters"]
    assert "obstacle_layer" in costmap["plugins"]
    layer = costmap["obstacle_layer"]
    source = layer[layer["observation_sources"]]
    assert source["topic"] == "/navigation/scan"
    assert source["data_type"] == "LaserScan"
    assert source["inf_is_valid"] is True
    # Clearing sees farther than marking, and neither as far as the model's last beam cell is unsure.
    assert source["obstacle_max_range"] < source["raytrace_max_range"] <= 6.0
