"""The node `simulator`: a robot in a simulated world, with the topics of a real one.

    ros2 run vit_perception simulator --ros-args -p world.seed:=3 -r cmd_vel:=navigation/cmd_vel

`~/reset` begins anew, with the world that the parameters `world.…` name now; the time begins at 0 again.
`~/step` lets one frame pass, which is all that does with `real_time_factor` 0.
"""

from __future__ import annotations

import sys
from typing import Any

import rclpy
from geometry_msgs.msg import Twist, TwistStamped
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.timer import Timer
from std_srvs.srv import Trigger

from vit_perception.replay.cdr import NANOSECONDS
from vit_perception.sim.driving.conditions import Condition
from vit_perception.sim.driving.episode import FRAME_SECONDS
from vit_perception.sim.driving.observation import Senses
from vit_perception.sim.driving.robot_topics import RobotTopics
from vit_perception.sim.parameters import PARAMETERS
from vit_perception.sim.route import Route
from vit_perception.sim.simulation import Simulation
from vit_perception.sim.worlds.make import make_world

NAME = "simulator"
# Simulated seconds after which a robot that nobody commands stops, and after which the goal is given again.
_COMMAND_SECONDS, _GOAL_SECONDS = 0.5, 1.0
# Looks for the answer to a frame in lock-step, a second.
_LOOKS = 200.0


class SimulatorNode(Node):
    """Publishes what `driving/robot_topics.py` lists, and obeys `cmd_vel`.

    Args:
        options: of rclpy's node, such as `parameter_overrides`.

    Raises:
        ValueError: a parameter is wrong; the message says which.
        RuntimeError: the renderer is not installed.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(NAME, **options)
        for name, (default, description) in PARAMETERS.items():
            self.declare_parameter(name, default, ParameterDescriptor(description=description))
        factor = float(self._value("real_time_factor"))
        if not 0 <= factor <= 100:
            raise ValueError(f"real_time_factor is {factor:g}: give 0 to 100")
        if self._value("lock_step") and not self._value("stamped_cmd_vel"):
            raise ValueError("lock_step needs stamps: set stamped_cmd_vel to true")
        self._topics = RobotTopics(self)
        self._simulation: Simulation | None = None
        self._begin()
        kind = TwistStamped if self._value("stamped_cmd_vel") else Twist
        self.create_subscription(kind, "cmd_vel", self._obey, 10)
        self.create_service(Trigger, "~/reset", self._reset)
        self.create_service(Trigger, "~/step", self._step_once)
        self._timer: Timer | None = None
        if factor > 0:
            rate = _LOOKS if self._value("lock_step") else factor / FRAME_SECONDS
            steady = Clock(clock_type=ClockType.STEADY_TIME)
            self._timer = self.create_timer(1 / rate, self._tick, clock=steady)

    def _value(self, name: str) -> Any:
        return self.get_parameter(name).value

    def _begin(self) -> None:
        """Put the robot at the start of the world that the parameters name, at time 0."""
        seed, kind = self._value("world.seed"), self._value("world.kind") or None
        world = make_world(seed, kind, self._value("world.people"))
        size = self._value("image.height"), self._value("image.width")
        simulation = Simulation(world, size)
        senses = Senses(simulation, Route(simulation.plan, world.goal), Condition())
        if self._simulation is not None:
            self._simulation.close()
        self._simulation, self._senses = simulation, senses
        self._command, self._commanded, self._goal_due = (0.0, 0.0), 0.0, 0.0
        self._publish()

    def _publish(self) -> None:
        seen = self._senses.observe()
        stamp = round(seen.seconds * NANOSECONDS)
        if seen.seconds == 0:
            self._topics.tell_time(stamp)
            self._topics.mount_camera(seen.camera_height, seen.camera_pitch, stamp)
        if self._value("give_goal") and seen.seconds >= self._goal_due:
            self._goal_due = seen.seconds + _GOAL_SECONDS
            self._topics.give_goal(seen.goal, stamp)
        self._stamp, self._answered = stamp, False
        self._topics.publish(seen, stamp)

    def _obey(self, message: Any) -> None:
        twist = message
        if isinstance(message, TwistStamped):
            twist = message.twist
            stamp = message.header.stamp.sec * NANOSECONDS + message.header.stamp.nanosec
            self._answered |= stamp == self._stamp
        assert self._simulation is not None  # since the start
        self._command = twist.linear.x, twist.angular.z
        self._commanded = self._simulation.seconds

    def _tick(self) -> None:
        if self._answered or not self._value("lock_step"):
            self._step()

    def _step(self) -> None:
        simulation = self._simulation
        assert simulation is not None  # since the start
        obeyed = simulation.seconds - self._commanded <= _COMMAND_SECONDS
        simulation.step(*(self._command if obeyed else (0.0, 0.0)), FRAME_SECONDS)
        self._publish()

    def _step_once(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._step()
        response.success, response.message = True, f"{self._stamp / NANOSECONDS:.1f} s"
        return response

    def _reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            self._begin()
        except (ValueError, RuntimeError) as error:  # the world before goes on
            response.success, response.message = False, str(error)
            return response
        assert self._simulation is not None  # just begun
        world = self._simulation.world
        response.success, response.message = True, f"{world.kind} of seed {world.seed}"
        return response


def main() -> int:
    """Run the node until Ctrl-C; 1 if a parameter is wrong or the renderer is not installed."""
    rclpy.init()
    try:
        rclpy.spin(SimulatorNode())
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0
    except (ValueError, RuntimeError) as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 1
    finally:
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
