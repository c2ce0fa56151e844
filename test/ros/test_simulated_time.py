"""A navigator by a clock that stands still and begins anew."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from geometry_msgs.msg import Twist
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Header

from ros.graph import values, wait_until
from ros.robot import DRIVER, Robot


class Time:
    """Simulated time, which goes on by a tenth of a second when asked to."""

    def __init__(self, graph):
        self.graph = graph
        self._clock = graph.client.create_publisher(Clock, "/clock", 10)
        self._tenths = 0

    def set(self, seconds):
        self._tenths = 10 * seconds
        return self.tick()

    def tick(self):
        """The header of something that happens a moment later."""
        self._tenths += 1
        header = Header(frame_id="camera_optical")
        header.stamp.sec, header.stamp.nanosec = self._tenths // 10, self._tenths % 10 * 100_000_000
        wait_until(self._clock.get_subscription_count, "a node that takes the time")
        self._clock.publish(Clock(clock=header.stamp))
        return header

    def close(self):
        self.graph.destroy(self._clock)


def test_simulated_time_stands_still_and_begins_anew(graph):
    """Of a robot that takes a Twist without a stamp."""
    parameters = {"use_sim_time": True, "navigation__drive": True, "navigation__stamped_cmd_vel": False}
    late = {"navigation__max_frame_age_ms": 2000}  # of simulated time
    with graph.node("/sim", ("navigation",), name="navigator", model=str(DRIVER), **parameters, **late):
        time, robot = Time(graph), Robot(graph, "/sim", Twist)

        def drive(seconds):
            robot.send_to(3, 1, header=time.set(seconds))
            start = len(robot.commands)
            wait_until(
                lambda: any(command.linear.x > 0 for command in robot.commands[start:]),
                "a start",
                lambda: robot.look(header=time.tick()),
            )

        def is_silent():
            before = len(robot.commands)
            graph.status(robot.node)
            return len(robot.commands) == before

        drive(100)
        wait_until(is_silent, "a second without a command: no frame becomes too old while time stands still")
        assert robot.commands[-1].linear.x > 0
        before = len(robot.commands)
        wait_until(
            lambda: any(command == Twist() for command in robot.commands[before:]),
            "a stop",
            lambda: time.set(1),
        )
        status = graph.status(
            robot.node,
            lambda status: values(status).get("navigation_goal") == "none",
            lambda: robot.look(header=time.tick()),
        )
        assert values(status)["navigation_drive"] == "stands: there is no goal"
        drive(5)
        robot.close()
        time.close()
