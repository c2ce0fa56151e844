"""The node `simulator` through a live graph: its signs, its time, its services."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy")
pytest.importorskip("tf2_msgs")

from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from std_srvs.srv import Trigger

from vit_perception.replay.processes import free_domain, isolated
from vit_perception.sim.mujoco_library import load_mujoco
from vit_perception.sim.node import SimulatorNode

DEADLINE = 120.0


class Client:
    """What a robot's computer sees of the simulator."""

    def __init__(self, context: Context, simulator: SimulatorNode) -> None:
        self.simulator = simulator
        self.node = Node("client", context=context)
        self.newest: dict[str, object] = {}
        for name, kind in (
            ("odom", Odometry), ("image", Image), ("depth_image", Image),
            ("camera_info", CameraInfo), ("/clock", Clock),
        ):  # fmt: skip
            self.node.create_subscription(kind, name, lambda m, name=name: self.newest.update({name: m}), 10)
        self.commands = self.node.create_publisher(TwistStamped, "cmd_vel", 10)

    def wait(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < end, "not in time"
            time.sleep(0.02)

    def call(self, service: str) -> Trigger.Response:
        client = self.node.create_client(Trigger, f"/simulator/{service}")
        assert client.wait_for_service(DEADLINE)
        future = client.call_async(Trigger.Request())
        self.wait(future.done)
        return future.result()

    @property
    def seconds(self) -> float:
        stamp = self.newest["/clock"].clock
        return stamp.sec + stamp.nanosec / 1e9

    def drive(self, speed: float, turn: float, frames: int) -> None:
        """Let so many frames pass with this command."""
        command = TwistStamped()
        command.twist.linear.x, command.twist.angular.z = speed, turn
        for _ in range(frames):
            self.commands.publish(command)
            self.wait(lambda: self.simulator._command == (speed, turn))
            assert self.call("step").success


@pytest.fixture
def domain() -> Iterator[int]:
    domain = free_domain()
    with isolated(domain):
        yield domain


@pytest.fixture
def client(domain: int) -> Iterator[Client]:
    try:
        load_mujoco()
    except RuntimeError as error:
        pytest.skip(str(error))
    context = Context()
    rclpy.init(context=context, domain_id=domain)
    given = {"real_time_factor": 0.0, "image.height": 48, "image.width": 64, "world.kind": "warehouse"}
    overrides = [Parameter(name, value=value) for name, value in given.items()]
    executor = SingleThreadedExecutor(context=context)
    made: list[SimulatorNode] = []

    def spin() -> None:
        # A renderer belongs to the thread that made it.
        made.append(SimulatorNode(context=context, parameter_overrides=overrides))
        executor.add_node(made[0])
        executor.spin()

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    while not made:
        assert thread.is_alive()
        time.sleep(0.05)
    simulator = made[0]
    client = Client(context, simulator)
    executor.add_node(client.node)
    try:
        client.wait(lambda: client.commands.get_subscription_count() and client.call("step"))
        client.wait(lambda: {"odom", "image", "depth_image", "camera_info", "/clock"} <= client.newest.keys())
        yield client
    finally:
        executor.shutdown()
        thread.join()
        client.node.destroy_node()
        simulator.destroy_node()
        rclpy.try_shutdown(context=context)


def test_signs_time_and_services(client: Client) -> None:
    before = client.seconds
    client.drive(0.0, 1.0, 5)
    client.wait(lambda: client.seconds > before + 0.45)
    assert client.seconds == pytest.approx(before + 0.5)
    pose = client.newest["odom"].pose.pose
    assert pose.orientation.z > 0.05, "a positive turn goes left"
    image, depth, info = (client.newest[name] for name in ("image", "depth_image", "camera_info"))
    assert (image.height, image.width, image.encoding) == (48, 64, "rgb8")
    assert (depth.encoding, depth.header) == ("32FC1", image.header)
    metres = np.frombuffer(depth.data, "<f4")
    assert 0.1 < metres[metres > 0].min() < metres.max() < 20
    assert info.k[0] > 0
    # Time goes back to 0, and the robot to the start of another world.
    client.simulator.set_parameters([Parameter("world.seed", value=5)])
    answer = client.call("reset")
    assert (answer.success, answer.message) == (True, "warehouse of seed 5")
    client.wait(lambda: client.seconds == 0)
    # A world that there is not leaves the one that is.
    client.simulator.set_parameters([Parameter("world.kind", value="castle")])
    answer = client.call("reset")
    assert not answer.success
    assert "castle" in answer.message
    assert client.call("step").success


def test_lock_step_needs_stamps() -> None:
    context = Context()
    rclpy.init(context=context)
    wrong = [Parameter("lock_step", value=True), Parameter("stamped_cmd_vel", value=False)]
    try:
        with pytest.raises(ValueError, match="lock_step needs stamps"):
            SimulatorNode(context=context, parameter_overrides=wrong)
    finally:
        rclpy.try_shutdown(context=context)
