"""A navigator in a live graph: signs, frames, depth that dies, and every reason to stop."""

import math

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import TransformStamped
from nav_msgs.msg import Path as PathMessage
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image, LaserScan
from std_msgs.msg import Header

from ros.graph import TRANSITIONS, values, wait_until
from ros.robot import DRIVER, PATIENT, WHITE, Robot
from vit_perception.nodes.images import codec

QUARTER = math.pi / 2


def stands(command):
    return command.twist.linear.x == 0 and command.twist.angular.z == 0


def drives(command):
    return command.twist.linear.x > 0


@pytest.fixture(scope="module")
def robot(graph):
    parameters = {"navigation__drive": True, "navigation__turn_in_place": False, **PATIENT}
    with graph.node("/nav", ("navigation",), name="navigator", model=str(DRIVER), **parameters):
        robot = Robot(graph, "/nav")
        yield robot
        robot.close()


def test_without_a_goal_it_stands_and_says_so(graph, robot):
    robot.command(stands, "a robot that stands")
    status = robot.says("navigation_drive", "there is no goal")
    assert values(status)["navigation_goal"] == "none"


@pytest.mark.parametrize(("side", "x", "y", "yaw"), [(1, 3, 2, 0), (-1, 3, -2, 0), (1, 2, 3, QUARTER / 2)])
def test_a_goal_on_the_left_gives_a_left_turn_and_one_on_the_right_a_right_turn(
    graph, robot, side, x, y, yaw
):
    paths = graph.listen("/nav/navigation/path", PathMessage)
    scans = graph.listen("/nav/navigation/scan", LaserScan)
    robot.send_to(x, y)
    found = robot.command(lambda each: drives(each) and side * each.twist.angular.z > 0, "a turn", yaw=yaw)
    assert found.header.frame_id == "base_link"
    wait_until(lambda: paths and scans, "path and scan", lambda: robot.look(yaw=yaw))
    path, scan = paths[-1], scans[-1]
    assert path.header.frame_id == scan.header.frame_id == "base_link"
    end = path.poses[-1].pose
    assert end.position.x > 0
    assert side * end.position.y > 0
    assert side * end.orientation.z > 0
    assert scan.angle_min < 0 < scan.angle_max
    assert len(scan.ranges) == 32
    assert scan.angle_min + 31 * scan.angle_increment == pytest.approx(scan.angle_max, abs=1e-5)
    side_words = "to the left" if side > 0 else "to the right"
    assert side_words in values(robot.says("navigation_goal", side_words, yaw=yaw))["navigation_goal"]


def test_a_command_has_the_stamp_of_its_frame(robot):
    robot.send_to(3, 2)
    stamps = []
    robot.command(drives, "a start")
    found = wait_until(
        lambda: next((each for each in robot.commands if each.header.stamp in stamps), None),
        "a command for a frame of ours",
        lambda: stamps.append(robot.look().stamp),
    )
    assert drives(found)


def test_it_stops_before_a_collision(robot):
    robot.send_to(3, 2)
    robot.command(drives, "a start")
    robot.command(stands, "a stop", grey=WHITE)
    robot.says("navigation_drive", "stands: a collision is predicted", grey=WHITE)
    robot.command(drives, "another start")


def test_it_stops_when_frames_stop_coming(graph, robot):
    robot.send_to(3, 2)
    robot.command(drives, "a start")
    assert graph.set(robot.node, navigation__max_frame_age_ms=200).successful
    start = len(robot.commands)
    wait_until(lambda: any(map(stands, robot.commands[start:])), "a stop without any frame")
    status = graph.status(robot.node, lambda status: "the newest frame is too old" in status.message)
    assert status.level == DiagnosticStatus.WARN
    assert graph.set(robot.node, navigation__max_frame_age_ms=60_000).successful
    robot.command(drives, "another start")


def test_it_stops_when_the_odometry_dies(graph, robot):
    robot.send_to(3, 2)
    robot.command(drives, "a start")
    assert graph.set(robot.node, navigation__max_pose_age_ms=100).successful
    robot.command(stands, "a stop", odometry=False)
    status = robot.says("navigation_goal", "lost: where base_link is in odom is", odometry=False)
    assert "the goal is lost" in status.message
    assert graph.set(robot.node, navigation__max_pose_age_ms=60_000).successful
    robot.command(drives, "another start")


def test_depth_dies_and_comes_back_and_it_drives_on(graph, robot):
    robot.send_to(3, 2)
    robot.says("depth_image", "there")
    status = robot.says("depth_image", "missing: the newest on /nav/depth_image is", depth=None)
    assert "no depth: " in status.message
    robot.command(drives, "a drive without depth", depth=None)
    status = robot.says("depth_image", "there")
    assert 0 < float(values(status)["navigation_depth_share"]) < 1


def test_it_does_not_drive_into_what_depth_measures(graph, robot):
    tf2_msgs = pytest.importorskip("tf2_msgs.msg", reason="needs tf2_msgs")
    robot.send_to(3, 0)
    robot.command(drives, "a drive by the model alone", depth=0.2)
    header = graph.header()
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    mount = TransformStamped(header=Header(frame_id="base_link"), child_frame_id=header.frame_id)
    mount.transform.translation.x, mount.transform.translation.z = 0.1, 0.4
    turn = mount.transform.rotation
    turn.x, turn.y, turn.z, turn.w = -0.5, 0.5, -0.5, 0.5
    transforms = graph.client.create_publisher(tf2_msgs.TFMessage, "/tf_static", latched)
    transforms.publish(tf2_msgs.TFMessage(transforms=[mount]))
    camera = graph.client.create_publisher(CameraInfo, "/nav/camera_info", 10)
    wait_until(camera.get_subscription_count, "a node that takes the camera's intrinsics")
    k = [100.0, 0.0, 79.5, 0.0, 100.0, 59.5, 0.0, 0.0, 1.0]
    camera.publish(CameraInfo(header=header, width=160, height=120, k=k))
    robot.says("navigation_obstacles", "depth and the picture")
    robot.command(stands, "a stop before a wall", depth=0.2)
    robot.command(drives, "a drive where the way is free", depth=2.0)
    # Without depth, the picture tells: this model sees nothing but free ground.
    robot.says("navigation_obstacles", "the picture", depth=None)
    scans = graph.listen("/nav/navigation/scan", LaserScan)
    scan = wait_until(lambda: scans and scans[-1], "a scan", lambda: robot.look(depth=None))
    ahead = scan.ranges[len(scan.ranges) // 2]
    assert ahead == math.inf
    graph.destroy(transforms, camera)


def test_deactivation_stops_it_once(graph, robot):
    robot.send_to(3, 2)
    robot.command(drives, "a start")
    start = len(robot.commands)
    assert graph.transition(robot.node, TRANSITIONS["deactivate"])
    wait_until(lambda: any(map(stands, robot.commands[start:])), "a stop")
    count = len(robot.commands)
    graph.status(robot.node, step=robot.look)
    graph.status(robot.node, step=robot.look)
    assert len(robot.commands) == count
    assert sum(map(stands, robot.commands[start:])) == 1
    assert graph.transition(robot.node, TRANSITIONS["activate"])
    robot.says("navigation_drive", "there is no goal")
    robot.send_to(3, 2)
    robot.command(drives, "another start")


def test_the_parameter_ends_driving_and_starts_it_again(graph, robot):
    topic = "/nav/navigation/cmd_vel"
    robot.send_to(3, 2)
    robot.command(drives, "a start")
    start = len(robot.commands)
    assert graph.set(robot.node, navigation__drive=False).successful
    wait_until(lambda: any(map(stands, robot.commands[start:])), "a stop")
    wait_until(lambda: not graph.client.count_publishers(topic), "no publisher")
    assert graph.set(robot.node, navigation__drive=True).successful
    robot.command(drives, "another start")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("max_speed", 9.0, "is not a speed: give metres a second, from 0.01 to 5"),
        ("collision_threshold", 1.5, "is not a score, from 0 to 1"),
        ("base_frame", "odom", "read-only while the node is configured"),
        ("stamped_cmd_vel", False, "read-only while the node is configured"),
    ],
)
def test_refused_with_a_reason(graph, robot, name, value, reason):
    result = graph.set(robot.node, **{f"navigation__{name}": value})
    assert not result.successful
    assert reason in result.reason


def test_a_goal_in_the_map(graph, robot):
    tf2_msgs = pytest.importorskip("tf2_msgs.msg", reason="needs tf2_msgs")
    publisher = graph.client.create_publisher(tf2_msgs.TFMessage, "/tf", 10)

    def localise():
        header = robot.look()
        # The map's x is the odometry's y.
        turned = TransformStamped(header=Header(stamp=header.stamp, frame_id="map"), child_frame_id="odom")
        turned.transform.rotation.z, turned.transform.rotation.w = (
            math.sin(-QUARTER / 2),
            math.cos(QUARTER / 2),
        )
        publisher.publish(tf2_msgs.TFMessage(transforms=[turned]))

    robot.send_to(4, 0, "map")
    status = graph.status(
        robot.node, lambda status: "90° to the left" in values(status).get("navigation_goal", ""), localise
    )
    assert values(status)["navigation_goal"].startswith("4.0 m")
    graph.destroy(publisher)


def test_what_cannot_drive_is_refused(graph):
    node = "/still/perception"
    with graph.node("/still", ("navigation",), autostart=False, navigation__drive=True):
        assert not graph.transition(node, TRANSITIONS["configure"])
        assert "navigation.drive: the model gives no path to a goal" in graph.status(node).message
        assert graph.set(node, navigation__drive=False).successful
        assert graph.transition(node, TRANSITIONS["configure"])
        assert "choose a navigator" in graph.set(node, navigation__drive=True).reason
    topics = ["front/image", "rear/image"]
    with graph.node("/two", ("navigation",), model=str(DRIVER), image_topics=topics):
        assert "2 cameras would each drive" in graph.set("/two/perception", navigation__drive=True).reason


def test_what_the_action_reads(graph):
    parameters = {"tasks": ["navigation", "attention"], "attention__shows": "action"}
    with graph.node("/reads", model=str(DRIVER), **parameters):
        shown = graph.ask("/reads", graph.image(), {"attention/heatmap": Image})["attention/heatmap"]
        read = codec.decode(shown, codec.PASSTHROUGH)
        assert read.shape == (150, 200)
        assert read.max() == pytest.approx(1.0)
        assert graph.set("/reads/perception", attention__shows="class_token").successful
        shown = graph.ask("/reads", graph.image(), {"attention/heatmap": Image})["attention/heatmap"]
        assert not np.allclose(codec.decode(shown, codec.PASSTHROUGH), read, atol=0.05)
    with graph.node("/reads_not", ("attention",)):
        refusal = graph.set("/reads_not/perception", attention__shows="action")
        assert "only a navigator has an action that looks" in refusal.reason
