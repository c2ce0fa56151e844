"""`navigation/cmd_vel`: a command for each frame, zero when frames stop coming, and zero at the end."""

from __future__ import annotations

import threading

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from std_msgs.msg import Header

from vit_perception.nodes.navigation.goal import Sight
from vit_perception.nodes.navigation.governor import Decision, Governor, Stop
from vit_perception.nodes.navigation.scan import Scan
from vit_perception.nodes.navigation.settings import NavigationSettings
from vit_perception.nodes.navigation.velocity import STANDSTILL, Velocity
from vit_perception.nodes.outputs.topics import TOPICS
from vit_perception.nodes.qos import qos_profile
from vit_perception.nodes.stamps import seconds_of
from vit_perception.runtime.results import Navigation

TOPIC = "navigation/cmd_vel"
# Seconds between two looks at the age of the newest frame.
_WATCH_SECONDS = 0.1
# Longest time for the last zero to arrive: its publisher may end next.
_FAREWELL = Duration(seconds=0.5)


class Driver:
    """Publishes while the parameter `navigation.drive` is true and the node is active.

    Ages are by the node's clock. While simulated time stands still, nothing becomes too old.

    Args:
        node: that publishes.
        settings: until `apply` gives others.
    """

    def __init__(self, node: Node, settings: NavigationSettings) -> None:
        self._node = node
        # The worker answers frames; the executor watches, changes settings, and stops.
        self._lock = threading.Lock()
        self._active = False
        self._publisher: Publisher | None = None
        self._governor = Governor()
        # Stamp of the newest frame that was answered; None while the robot stands from the start.
        self._newest: float | None = None
        # The last command, and why; None before the first.
        self._decision: Decision | None = None
        self._settings = settings
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(_WATCH_SECONDS, self._watch, clock=steady)

    @property
    def drives(self) -> bool:
        return self._publisher is not None

    @property
    def state(self) -> str:
        """What the robot has been told, for people."""
        if not self.drives:
            return "off"
        if (decision := self._decision) is None:
            return "waits for a frame"
        velocity, stop = decision.velocity, decision.stop
        if stop is not None:
            return f"stands: {stop.value}" if velocity == STANDSTILL else f"turns away: {stop.value}"
        return f"drives at {velocity.speed:.2f} m/s, {velocity.turn:+.2f} rad/s"

    @property
    def trouble(self) -> str:
        """Why the robot stands, where something is wrong; empty if it drives, or stands as it should."""
        wrong = (Stop.STALE, Stop.AHEAD, Stop.LOST, Stop.NO_PATH)
        stop = self._decision.stop if self.drives and self._decision is not None else None
        return f"the robot stands: {stop.value}" if stop is not None and stop in wrong else ""

    def apply(self, settings: NavigationSettings) -> None:
        """Use these settings from now on. A robot that is no longer driven is told to stand."""
        with self._lock:
            self._settings = settings
            if settings.drive and self._publisher is None:
                self._governor, self._newest = Governor(), None
                self._publisher = self._node.create_publisher(
                    TwistStamped if settings.stamped_cmd_vel else Twist, TOPIC, qos_profile(TOPICS[TOPIC].qos)
                )
            elif not settings.drive:
                self._end()

    def resume(self) -> None:
        """The node is active: from now on frames come."""
        with self._lock:
            self._active = True
            self._governor, self._newest = Governor(), None

    def halt(self) -> None:
        """The node is no longer active: the robot is told to stand, once, and nothing after that."""
        with self._lock:
            if self._active and self._publisher is not None:
                self._stand(None)
                self._publisher.wait_for_all_acked(_FAREWELL)
            self._active = False

    def forget(self) -> None:
        """Time went back: the robot stands until a frame of the new time is answered."""
        with self._lock:
            if self._active and self._publisher is not None and self._newest is not None:
                self._stand(Stop.STALE)
            self._governor, self._newest = Governor(), None

    def answer(
        self, found: Navigation, scan: Scan | None, sight: Sight | None, lost: bool, header: Header
    ) -> None:
        """Publish the command after the answer to a frame.

        Args:
            found: the answer.
            scan: what is free around the robot.
            sight: the goal, as the frame was taken.
            lost: whether there is a goal and nobody knows where.
            header: of the frame, whose stamp the command has.
        """
        with self._lock:
            if not self._active or self._publisher is None:
                return
            self._newest, now = seconds_of(header), self._now()
            age = now - self._newest
            self._decision = self._governor.decide(found, scan, sight, lost, age, now, self._settings)
            self._publish(self._decision.velocity, header)

    def destroy(self) -> None:
        self._node.destroy_timer(self._timer)
        with self._lock:
            self._end()

    def _watch(self) -> None:
        """Tell the robot to stand, again and again, while no new frame is answered."""
        with self._lock:
            if not self._active or self._publisher is None or self._newest is None:
                return
            if self._now() - self._newest > self._settings.max_frame_age:
                self._stand(Stop.STALE)

    def _stand(self, stop: Stop | None) -> None:
        now = self._node.get_clock().now()
        self._governor.halt(now.nanoseconds / 1e9)
        self._decision = Decision(STANDSTILL, stop) if stop is not None else None
        self._publish(STANDSTILL, Header(stamp=now.to_msg()))

    def _end(self) -> None:
        if self._publisher is None:
            return
        if self._active:
            self._stand(None)
        self._publisher.wait_for_all_acked(_FAREWELL)
        self._node.destroy_publisher(self._publisher)
        self._publisher = None

    def _publish(self, velocity: Velocity, header: Header) -> None:
        assert self._publisher is not None  # whoever publishes has seen to it
        twist = Twist()
        twist.linear.x, twist.angular.z = velocity.speed, velocity.turn
        if self._settings.stamped_cmd_vel:
            own = Header(stamp=header.stamp, frame_id=self._settings.base_frame)
            self._publisher.publish(TwistStamped(header=own, twist=twist))
        else:
            self._publisher.publish(twist)

    def _now(self) -> float:
        return float(self._node.get_clock().now().nanoseconds / 1e9)
