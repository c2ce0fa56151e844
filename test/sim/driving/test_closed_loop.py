"""The closed loop from command to summary, and its lock-step over DDS with a node that answers."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

rclpy = pytest.importorskip("rclpy")
pytest.importorskip("tf2_msgs")

from geometry_msgs.msg import PoseStamped, TwistStamped
from nav_msgs.msg import Odometry
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image

from sim.hand_made import room
from vit_perception.cli import main
from vit_perception.replay.processes import free_domain, isolated
from vit_perception.replay.recorder import Recorder
from vit_perception.sim.driving.conditions import Condition
from vit_perception.sim.driving.episode import drive
from vit_perception.sim.driving.navigator_graph import NavigatorGraph
from vit_perception.sim.driving.observation import Senses
from vit_perception.sim.mujoco_library import load_mujoco
from vit_perception.sim.route import Route
from vit_perception.sim.simulation import Simulation


@pytest.fixture(autouse=True)
def _renderer() -> None:
    try:
        load_mujoco()
    except RuntimeError as error:
        pytest.skip(str(error))


def test_the_command_drives_once_and_goes_on_where_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["drive", "--worlds", "1", "--seed", "500", "--kinds", "warehouse", "--conditions", "still"]
    command += ["--policies", "expert", "--output", str(tmp_path)]
    assert main(command) == 0
    assert "| still | expert | 1 | 100 %" in capsys.readouterr().out
    found = json.loads((tmp_path / "summary.json").read_text())["conditions"]["still"]
    assert {"worlds", "success", "spl", "metres_per_collision", "seconds"} <= found.keys()
    assert (tmp_path / "drive.mp4").stat().st_size > 10_000
    drive_file = tmp_path / "drives/still/expert/500.json"
    done = drive_file.stat().st_mtime_ns
    (tmp_path / "summary.json").unlink()
    assert main(command) == 0
    assert drive_file.stat().st_mtime_ns == done
    assert json.loads((tmp_path / "summary.json").read_text())["conditions"]["still"] == found


def test_a_model_that_is_no_navigator_is_refused_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = Path(__file__).parents[2] / "fixtures" / "tiny"
    assert main(["drive", "--worlds", "1", "--model", str(tiny), "--output", str(tmp_path / "out")]) == 1
    assert "tiny is no navigator: name one with --model" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


class Homing(Node):
    """Answers each image, as a navigator does, by driving straight at the goal."""

    def __init__(self, context: Context) -> None:
        super().__init__("perception", context=context)
        self._goal, self._odometry = (0.0, 0.0), Odometry()
        self._publisher = self.create_publisher(TwistStamped, "navigation/cmd_vel", 1)
        self.create_subscription(PoseStamped, "goal_pose", self._aim, 1)
        self.create_subscription(Odometry, "odom", lambda message: setattr(self, "_odometry", message), 1)
        self.create_subscription(Image, "image", self._answer, 1)

    def _aim(self, message: PoseStamped) -> None:
        self._goal = message.pose.position.x, message.pose.position.y

    def _answer(self, image: Image) -> None:
        pose = self._odometry.pose.pose
        yaw = 2 * math.atan2(pose.orientation.z, pose.orientation.w)
        towards = math.atan2(self._goal[1] - pose.position.y, self._goal[0] - pose.position.x)
        bearing = math.remainder(towards - yaw, math.tau)
        command = TwistStamped(header=image.header)
        command.twist.linear.x = 0.6 * (abs(bearing) < 0.5)
        command.twist.angular.z = 2 * bearing
        self._publisher.publish(command)


@pytest.fixture
def domain() -> Iterator[int]:
    domain = free_domain()
    context = Context()
    with isolated(domain):
        rclpy.init(context=context, domain_id=domain)
        node = Homing(context)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(node)
        thread = threading.Thread(target=executor.spin, daemon=True)
        thread.start()
        try:
            yield domain
        finally:
            executor.shutdown()
            thread.join()
            node.destroy_node()
            rclpy.try_shutdown(context=context)


def test_in_lock_step_each_frame_is_answered_and_the_robot_arrives(domain: int, tmp_path: Path) -> None:
    # The goal is behind the robot, to its left.
    simulation = Simulation(room(start=(0.0, 0.0, 0.0), goal=(-1.2, 1.0)), size=(48, 64))
    route = Route(simulation.plan, simulation.world.goal)
    senses = Senses(simulation, route, Condition())
    with NavigatorGraph(domain, lambda: None) as graph, Recorder(tmp_path / "drive.mcap") as bag:
        graph.wait_until_ready(senses.observe())
        graph.record_into(bag)
        episode = drive(simulation, 1.6, graph.commands(senses))
        graph.record_into(None)
    simulation.close()
    assert episode.success
    assert episode.track[5][2] > 0.1, "a goal on the left gives a left turn"
    assert episode.driven < 3
    counts = {
        topic["topic_metadata"]["name"]: topic["message_count"]
        for topic in _metadata(tmp_path)["topics_with_message_count"]
    }
    assert counts["/image"] == counts["/navigation/cmd_vel"] == len(episode.track)


def _metadata(folder: Path) -> dict:
    import yaml

    return yaml.safe_load((folder / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
