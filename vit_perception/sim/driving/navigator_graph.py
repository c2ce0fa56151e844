"""The navigator as a real node over DDS: it gets the robot's topics, and drives by `navigation/cmd_vel`."""

from __future__ import annotations

import dataclasses
import json
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rclpy.serialization import deserialize_message

from vit_perception.nodes.executables import SUITE, SUITE_NODE
from vit_perception.nodes.outputs.topics import Qos, message_class
from vit_perception.nodes.qos import qos_profile
from vit_perception.replay.cdr import NANOSECONDS, stamp_ns
from vit_perception.replay.live_node import LiveNode
from vit_perception.replay.processes import Processes, isolated_environment, node_command
from vit_perception.replay.readiness import NotReady
from vit_perception.replay.recorder import Recorder
from vit_perception.sim.driving.episode import FRAME_SECONDS, Command
from vit_perception.sim.driving.observation import Observation, Senses
from vit_perception.sim.driving.pilot import ROBOT
from vit_perception.sim.driving.robot_topics import TOPICS as ROBOT_TOPICS
from vit_perception.sim.driving.robot_topics import RobotTopics

CMD_VEL, PATH, HEATMAP = "navigation/cmd_vel", "navigation/path", "attention/heatmap"
_TYPES = {
    CMD_VEL: "geometry_msgs/msg/TwistStamped",
    PATH: "nav_msgs/msg/Path",
    HEATMAP: "sensor_msgs/msg/Image",
}
_QOS = Qos(depth=5)
# Seconds until a node is ready, between two probes of that, and until a frame is answered.
_READY, _PROBE, _ANSWER = 180.0, 0.5, 30.0
# Seconds for a goal to arrive before the first frame does; nothing answers a goal.
_GOAL_ARRIVES = 0.3
# Simulated seconds between two drives: what was seen before is forgotten then.
_APART = 100
_SLICE = 0.2


class NavigatorSilent(RuntimeError):
    """The navigator did not answer a frame."""


def navigator_process(model: Path, engine: dict[str, str], domain: int, logs: Path) -> Processes:
    """The process of a navigator that knows the simulated robot.

    Args:
        model: folder.
        engine: parameters of the node that choose one.
        domain: ROS domain.
        logs: folder of its log.
    """
    parameters: dict[str, Any] = {
        "model": str(model),
        **engine,
        "tasks": ["navigation", "attention"],
        "use_sim_time": True,
        "attention.shows": "action",
        **{f"navigation.{name}": value for name, value in dataclasses.asdict(ROBOT).items()},
    }
    yaml = {name: json.dumps(value) for name, value in parameters.items()}
    return Processes({SUITE_NODE: node_command(SUITE, yaml)}, isolated_environment(domain), logs)


class NavigatorGraph(LiveNode):
    """The simulated robot in a graph with a navigator. Use as a context manager.

    Args:
        domain_id: ROS domain.
        check: called at least every second; may raise to end early.
        real_time: whether the robot waits for no answer, but obeys the newest command.

    Attributes:
        topics: of the robot.
        answers: the newest message of PATH and of HEATMAP, as far as they are listened to.
    """

    def __init__(self, domain_id: int, check: Callable[[], None], real_time: bool = False) -> None:
        super().__init__("robot", domain_id)
        self._recorder: Recorder | None = None
        self._recording = threading.Lock()
        self.topics = RobotTopics(self._node, self._record)
        self.answers: dict[str, Any] = {}
        self._check = check
        self._real_time = real_time
        self._commands: queue.SimpleQueue[tuple[int, tuple[float, float]]] = queue.SimpleQueue()
        self._newest = (0.0, 0.0)
        # Simulated time at the start of the drive.
        self._start = 0
        self._listen(CMD_VEL)

    def watch(self) -> None:
        """Listen to the path and to the attention, too."""
        for topic in (PATH, HEATMAP):
            self._listen(topic)

    def wait_until_ready(self, seen: Observation) -> None:
        """Publish an observation again and again, until it is answered.

        Raises:
            NotReady: it is not in time.
        """
        end = time.monotonic() + _READY
        while time.monotonic() < end:
            self._check()
            self._start += NANOSECONDS
            self.topics.publish(seen, self._start)
            if self._wait(self._start, _PROBE) is not None:
                return
        raise NotReady(f"the navigator did not answer on {CMD_VEL} in time")

    def commands(self, senses: Senses) -> Command:
        """The commands of a drive, which begins now."""
        self._start += _APART * NANOSECONDS
        begun = False
        due = 0.0

        def command() -> tuple[float, float]:
            nonlocal begun, due
            seen = senses.observe()
            stamp = self._start + round(seen.seconds * NANOSECONDS)
            if not begun:
                begun, due = True, time.monotonic()
                self._newest = (0.0, 0.0)
                self.topics.tell_time(stamp)
                self.topics.mount_camera(seen.camera_height, seen.camera_pitch, stamp)
                self.topics.give_goal(seen.goal, stamp)
                time.sleep(_GOAL_ARRIVES)
            self.topics.publish(seen, stamp)
            if self._real_time:
                due = max(due + FRAME_SECONDS, time.monotonic())
                self._wait(None, due - time.monotonic())
                return self._newest
            answer = self._wait(stamp, _ANSWER)
            if answer is None:
                raise NavigatorSilent(f"a frame was not answered on {CMD_VEL} within {_ANSWER:.0f} s")
            return answer

        return command

    def end_drive(self, seconds: float) -> None:
        """The drive that has begun is over after so many simulated seconds."""
        self._start += round(seconds * NANOSECONDS)

    def record_into(self, recorder: Recorder | None) -> None:
        """From now on, write every message into a bag; None: into none."""
        if recorder is not None:
            for name, (kind, qos) in ROBOT_TOPICS.items():
                recorder.add_topic(f"/{name.lstrip('/')}", kind, qos)
            for name, kind in _TYPES.items():
                recorder.add_topic(f"/{name}", kind, _QOS)
        with self._recording:
            self._recorder = recorder

    def _record(self, topic: str, cdr: bytes, nanoseconds: int) -> None:
        # What is published comes from one thread, what is received from another.
        with self._recording:
            if self._recorder is not None:
                self._recorder.write(topic, cdr, log_ns=nanoseconds, publish_ns=nanoseconds)

    def _wait(self, stamp: int | None, seconds: float) -> tuple[float, float] | None:
        """The command that answers the frame with this stamp; None if it has not come in so many seconds."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            try:
                found, self._newest = self._commands.get(timeout=max(0.0, min(left, _SLICE)))
            except queue.Empty:
                self._check()
                if left <= 0:
                    return None
            else:
                if found == stamp:
                    return self._newest

    def _listen(self, name: str) -> None:
        kind = message_class(_TYPES[name])

        def receive(cdr: bytes) -> None:
            self._record(f"/{name}", cdr, stamp_ns(cdr))
            message = deserialize_message(cdr, kind)
            if name == CMD_VEL:
                twist = message.twist
                self._commands.put((stamp_ns(cdr), (twist.linear.x, twist.angular.z)))
            else:
                self.answers[name] = message

        callback: Any = receive  # rclpy's annotations know no callback of raw messages
        self._node.create_subscription(kind, name, callback, qos_profile(_QOS), raw=True)
