"""Each node of examples/ as a process of its own, on a recorded bag whose content is known."""

from __future__ import annotations

import math
import re
import runpy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2")
for _module in ("vision_msgs", "tf2_msgs", "rosbags.rosbag2"):
    pytest.importorskip(_module, reason=f"needs {_module}")

from geometry_msgs.msg import Twist, TwistStamped
from nav_msgs.msg import OccupancyGrid
from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rosbags.rosbag2 import Reader
from rosgraph_msgs.msg import Clock

from examples.recorded import AHEAD, BACK, BEGIN, LATCHED, SCENES, SPIN, TOPICS, record
from ros.graph import DEADLINE, Graph, wait_until
from vit_perception.nodes.qos import qos_profile
from vit_perception.nodes.stamps import seconds_of
from vit_perception.replay.processes import Processes, free_domain, isolated_environment

EXAMPLES = Path(__file__).parents[2] / "examples"
COMMANDS = {
    "slow_down": [],
    "log_places": [],
    "follow": [
        *("-r", "cmd_vel:=follow/cmd_vel", "-p", "id:=7", "-p", "keep:=1.0"),
        *("-p", "max_speed:=1.5", "-p", "max_turn:=0.35"),
    ],
    "feed_costmap": [],
}
# Who of them subscribes to what is played.
LISTENERS = {
    "/tf_static": 2,
    "/label_info": 2,
    "/segmentation/label_info": 1,
    "/camera_info": 1,
    "/odom": 1,
    "/detections_3d": 2,
    "/tracks": 1,
    "/segmentation/points": 1,
    "/cmd_vel": 1,
    "/clock": len(COMMANDS),
}


@dataclass(frozen=True)
class Played:
    """What came of the bag.

    Attributes:
        limited: commands that went through the relay.
        following: commands of the follower; the last one is from after Ctrl-C.
        grids: in the order in which they came.
        late_grids: of a subscriber who came after the last one was sent.
        ask_for_latched: topic of the bag that is latched → whether each of its subscribers asks for that.
        logs: what each process wrote, by its name.
        exit_codes: how each ended after Ctrl-C.
    """

    limited: list[TwistStamped]
    following: list[TwistStamped]
    grids: list[OccupancyGrid]
    late_grids: list[OccupancyGrid]
    ask_for_latched: dict[str, list[bool]]
    logs: dict[str, str]
    exit_codes: dict[str, int]


class Player:
    """Plays a bag as `ros2 bag play --clock` does, but waits until each command went through the relay."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.publishers = {
            topic: graph.client.create_publisher(kind, topic, qos_profile(qos))
            for topic, (kind, qos) in TOPICS.items()
            if topic in LISTENERS
        }
        self.clock = self.publishers["/clock"] = graph.client.create_publisher(Clock, "/clock", 10)
        self.limited = graph.listen("/cmd_vel_limited", TwistStamped)
        for topic, count in LISTENERS.items():
            publisher = self.publishers[topic]
            wait_until(
                lambda p=publisher, n=count: p.get_subscription_count() == n, f"subscribers of {topic}"
            )
        for topic in ("/cmd_vel_limited", "/follow/cmd_vel", "/costmap"):
            wait_until(lambda topic=topic: graph.client.count_publishers(topic), f"a publisher of {topic}")

    def play(self, bag: Path) -> None:
        commands = 0
        with Reader(bag) as reader:
            for connection, when, data in reader.messages():
                if connection.topic not in self.publishers:
                    continue
                now = Clock()
                now.clock.sec, now.clock.nanosec = divmod(when, 10**9)
                self.clock.publish(now)
                self.publishers[connection.topic].publish(bytes(data))
                if TOPICS[connection.topic][1] == LATCHED:  # before what it explains
                    self.publishers[connection.topic].wait_for_all_acked(Duration(seconds=DEADLINE))
                commands += connection.topic == "/cmd_vel"
                wait_until(lambda n=commands: len(self.limited) == n, "the command, limited")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    logs = tmp_path_factory.mktemp("logs")
    bag = record(tmp_path_factory.mktemp("recorded") / "drive")
    environment = isolated_environment(free_domain())
    commands = {
        name: [str(EXAMPLES / f"{name}.py"), "--ros-args", "-p", "use_sim_time:=true", *more]
        for name, more in COMMANDS.items()
    }
    with pytest.MonkeyPatch.context() as patch, Processes(commands, environment, logs) as processes:
        for name, value in environment.items():
            patch.setenv(name, value)
        graph = Graph(int(environment["ROS_DOMAIN_ID"]))
        following = graph.listen("/follow/cmd_vel", TwistStamped)
        grids = graph.listen("/costmap", OccupancyGrid, qos_profile(LATCHED))
        try:
            player = Player(graph)
            player.play(bag)
            end = SCENES["again"].frames[-1]
            for heard in (following, grids):
                wait_until(lambda heard=heard: heard and at(heard[-1]) >= end - 1e-3, "the last answer")
            late = graph.listen("/costmap", OccupancyGrid, qos_profile(LATCHED))
            wait_until(lambda: late, "the last grid, for a late subscriber")
            latched = {topic: asked(graph, topic) for topic, (_, qos) in TOPICS.items() if qos == LATCHED}
            moving = following[-1]
            processes.stop()
            wait_until(lambda: following[-1] is not moving, "a last command")
            return Played(
                list(player.limited),
                list(following),
                list(grids),
                list(late),
                latched,
                {each.node: each.log.read_text() for each in processes.running},
                {each.node: each.process.returncode for each in processes.running},
            )
        finally:
            graph.close()


def asked(graph: Graph, topic: str) -> list[bool]:
    """Whether each subscriber of a topic wants what was said before it came."""
    found = graph.client.get_subscriptions_info_by_topic(topic)
    return [each.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for each in found]


def at(message: Any) -> float:
    """Seconds of a stamp on the bag's own clock."""
    return seconds_of(message.header) - BEGIN


def of_scene(name: str, messages: list[Any]) -> list[Any]:
    return [each for each in messages if 0 <= at(each) - SCENES[name].begin + 1e-3 < 0.5]


def test_all_end_in_peace(played: Played) -> None:
    assert played.exit_codes == dict.fromkeys(COMMANDS, 0)
    assert not [name for name, log in played.logs.items() if "Traceback" in log]


def test_they_may_start_after_what_is_latched(played: Played) -> None:
    assert set(played.ask_for_latched) == {"/tf_static", "/label_info", "/segmentation/label_info"}
    assert all(asked and all(asked) for asked in played.ask_for_latched.values())


@pytest.mark.parametrize(
    ("scene", "share"),
    [
        ("early", 0.25),  # 1.5 m to a chair, which may be anything
        ("far", 1.0),
        ("two", 0.5),  # 2 m, where 1 m is a stop and 3 m far enough
        ("near", 0.0),
        ("missed", 0.0),  # for a second
        ("nobody", 1.0),
        ("silent", 0.0),
        ("again", 1.0),
    ],
)
def test_the_nearer_a_person_the_slower(scene: str, share: float, played: Played) -> None:
    back, spin, *_, ahead = [each.twist for each in of_scene(scene, played.limited)][-5:]
    assert (ahead.linear.x, ahead.angular.z) == pytest.approx((AHEAD[0] * share, AHEAD[1] * share))
    assert (back.linear.x, back.angular.z) == BACK
    assert (spin.linear.x, spin.angular.z) == SPIN


def test_things_are_written_down_where_they_are(played: Played) -> None:
    lines = re.findall(r"^(\d+\.\d+),(\w+),0\.900,(.+),odom$", played.logs["log_places"], re.MULTILINE)
    found = [(label, *map(float, place.split(","))) for _, label, place in lines]
    expected = [
        ("person", 5.2, 1.0, 0.5),
        ("chair", 2.2, -0.5, 0.5),  # and not once more from a metre nearer
        ("person", 3.12, 0.56, 0.5),
        ("person", 4.2, -1.2, 0.5),
        ("person", 1.28, 1.16, 0.5),  # the robot looks to the left
    ]
    assert [each[0] for each in found] == [each[0] for each in expected]
    for one, other in zip(found, expected, strict=True):
        assert one[1:] == pytest.approx(other[1:], abs=0.01)
    begins = [SCENES[name].begin for name in ("far", "far", "two", "two", "near")]
    for (seconds, *_), begin in zip(lines, begins, strict=True):
        assert 0 <= float(seconds) - BEGIN - begin + 1e-3 < 0.5
    assert "no place" in played.logs["log_places"], "of what came before the odometry"


@pytest.mark.parametrize(
    ("scene", "speed", "turn"),
    [
        ("far", 1.5, math.atan(0.2)),  # 5 m by the box, which is 4 too far: as fast as it may; to the left
        ("two", 1.0, -0.35),  # 3 m; to the right as fast as it may, though another person is nearer
        ("near", 0.0, -math.atan(0.28 / 0.96)),  # the box is cut, so that it seems to be at 1.4 m
        ("again", 1.5, math.atan(0.2)),
    ],
)
def test_one_track_is_followed(scene: str, speed: float, turn: float, played: Played) -> None:
    twist = next(each.twist for each in of_scene(scene, played.following)[::-1] if each.twist.angular.z)
    assert twist.linear.x == pytest.approx(speed, abs=1e-3)
    assert twist.angular.z == pytest.approx(turn, abs=1e-3)


def test_the_follower_stands_without_a_track_and_at_the_end(played: Played) -> None:
    stood = [each for each in played.following if each.twist.linear.x == each.twist.angular.z == 0]
    assert any(7.0 < at(each) < 12.0 for each in stood)
    assert played.following[-1] in stood
    assert played.following[-2] not in stood
    assert not [each for each in of_scene("early", played.following) if each not in stood]
    assert {each.header.frame_id for each in played.following} == {"base_link"}


def test_the_grid_has_what_the_mask_says(played: Played) -> None:
    grid = played.grids[-1]
    assert grid.header.frame_id == "base_link"
    assert at(grid) == pytest.approx(SCENES["again"].frames[-1], abs=1e-3)
    assert (grid.info.width, grid.info.height) == (80, 80)
    assert grid.info.resolution == pytest.approx(0.1)
    assert (grid.info.origin.position.x, grid.info.origin.position.y) == (-4, -4)
    assert grid.info.origin.orientation.w == 1
    cells = np.array(grid.data).reshape(80, 80)
    expected = np.full((80, 80), -1)
    expected[35:45, 50:70] = 0  # floor from 1 to 3 m ahead, 0.5 m to each side
    expected[43, 60] = 100  # somebody at 2.05, 0.35
    np.testing.assert_array_equal(cells, expected)
    assert played.late_grids[-1] == grid
    assert not of_scene("early", played.grids)
    assert "no grid" in played.logs["feed_costmap"], "while nobody says where the camera is"


@pytest.mark.parametrize(
    ("name", "topic", "speak"),
    [
        ("slow_down", "cmd_vel_limited", lambda node: node.on_command(Twist())),
        ("follow", "cmd_vel", lambda node: node.watch()),
    ],
)
def test_a_robot_may_take_twist(name: str, topic: str, speak: Callable[[Any], None]) -> None:
    example = runpy.run_path(str(EXAMPLES / f"{name}.py"))
    arguments, no_signals = ["--ros-args", "-p", "stamped:=false"], SignalHandlerOptions.NO
    rclpy.init(args=arguments, domain_id=free_domain(), signal_handler_options=no_signals)
    try:
        node = example["SlowDown" if name == "slow_down" else "Follow"]()
        heard: list[Twist] = []
        node.create_subscription(Twist, topic, heard.append, 10)
        wait_until(lambda: heard, "a Twist", lambda: (speak(node), rclpy.spin_once(node, timeout_sec=0.1)))
        assert heard[0] == Twist()
        node.destroy_node()
    finally:
        rclpy.shutdown()
