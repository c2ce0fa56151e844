"""The replay's own ROS node: publishes frames, hears every answer, and knows when the graph is ready."""

from __future__ import annotations

import importlib
import queue
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message

from vit_perception.nodes.diagnostics import UNCONFIGURED
from vit_perception.replay.cdr import (
    COMPRESSED_IMAGE,
    IMAGE,
    serialize_bgr,
    serialize_jpeg,
    stamp_ns,
    with_stamp,
)
from vit_perception.replay.live_node import LiveNode
from vit_perception.replay.recorder import Qos

NODE = "replay"
IMAGE_TOPICS = {IMAGE: "/image", COMPRESSED_IMAGE: "/image/compressed"}
DIAGNOSTICS = "/diagnostics"
# What each head of a model is answered on.
ANSWER_TOPICS = {
    "classification": ("/classification",),
    "detection": ("/detections",),
    "segmentation": ("/segmentation/mask", "/segmentation/confidence"),
    "navigation.action": ("/navigation/action",),
    "navigation.collision": ("/navigation/collision",),
    "navigation.goal_distance": ("/navigation/goal_distance",),
    "detection.queries": ("/detections",),
    "segmentation.queries": ("/segmentation/mask", "/segmentation/confidence"),
    "depth": ("/depth",),
    "attention": ("/attention/heatmap",),
}

_IMAGE_QOS = Qos(reliable=True, depth=5)
_PLUMBING = ("/rosout", "/parameter_events")
_PROBE_SECONDS = 0.5


class NotReady(RuntimeError):
    """The nodes did not come up in time; the message says what was missing."""


@dataclass(frozen=True)
class Topic:
    """An output of the nodes. `per_frame`: it answers each frame (latched topics and diagnostics do not)."""

    name: str
    message_type: str
    qos: Qos
    type_hash: str
    per_frame: bool


@dataclass(frozen=True)
class Answer:
    """A message as it came over DDS. stamp_ns: of its header, None if it has none."""

    topic: str
    cdr: bytes
    stamp_ns: int | None
    received_ns: int
    published_ns: int


def message_class(message_type: str) -> Any:
    """The Python class of `package/msg/Name`."""
    package, kind, name = message_type.split("/")
    return getattr(importlib.import_module(f"{package}.{kind}"), name)


class Session(LiveNode):
    """A graph of this node and those named `nodes`. Use as a context manager; needs the environment
    (domain, transports) set before.

    frame_type: of the messages that `publish` will be given.
    """

    def __init__(self, frame_type: str, nodes: Iterable[str], domain_id: int) -> None:
        super().__init__(NODE, domain_id)
        self._nodes = tuple(nodes)
        self._frame_type = frame_type
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._topics: dict[str, Topic] = {}
        self._probes: dict[int, tuple[int, int]] = {}
        self._probe_size = (0, 0)
        self._heard: set[str] = set()
        self._last_stamp = 0
        self._publisher: Publisher = self._node.create_publisher(
            message_class(frame_type), IMAGE_TOPICS[frame_type], _IMAGE_QOS.depth
        )

    @property
    def image(self) -> Topic:
        """The topic that the frames are published on."""
        name = IMAGE_TOPICS[self._frame_type]
        return Topic(name, self._frame_type, _IMAGE_QOS, self._type_hash(name), per_frame=False)

    @property
    def topics(self) -> dict[str, Topic]:
        """Every output topic found so far, by name."""
        return dict(self._topics)

    def new_stamp(self) -> int:
        """The time now in nanoseconds, later than any stamp given before."""
        self._last_stamp = max(time.time_ns(), self._last_stamp + 1)
        return self._last_stamp

    def publish(self, cdr: bytes) -> None:
        """Publish a serialised frame."""
        self._publisher.publish(cdr)

    def answers(self, until: float) -> Iterator[Answer]:
        """Answers as they come, until the monotonic clock says `until`; never those to probes."""
        while True:
            try:
                answer = self._answers.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return
            size = None if answer.stamp_ns is None else self._probes.get(answer.stamp_ns)
            if size == self._probe_size or not self._topics[answer.topic].per_frame:
                self._heard.add(answer.topic)
            if size is None:
                yield answer

    def wait_until_ready(
        self,
        required: Iterable[str],
        sizes: Iterable[tuple[int, int]],
        timeout: float,
        check: Callable[[], None],
    ) -> list[Answer]:
        """Wait until every topic of every node was heard, and all `required` topics are among them.

        Answers to frames are heard by sending probes, grey images of each of the `sizes` (height,
        width). That both sides have discovered each other shows in no other way: a node publishes
        nothing for a subscriber that it does not know yet. And an engine compiles for each size when
        it first comes, which takes seconds and is not what a replay is to measure. `check` is called
        now and then and may raise.

        Returns:
            What came meanwhile and answers no probe, as the latched labels.

        Raises:
            NotReady: `timeout` seconds have passed, or a node says that it could not be configured.
        """
        deadline = time.monotonic() + timeout
        early: list[Answer] = []
        for size in sizes:
            self._probe_size = size
            self._heard -= {topic.name for topic in self._topics.values() if topic.per_frame}
            early += self._probe(frozenset(required), deadline, check)
        return early

    def _probe(self, required: frozenset[str], deadline: float, check: Callable[[], None]) -> list[Answer]:
        grey = np.full((*self._probe_size, 3), 128, np.uint8)
        probe = serialize_bgr(grey, NODE) if self._frame_type == IMAGE else serialize_jpeg(grey, NODE)
        early: list[Answer] = []
        while time.monotonic() < deadline:
            check()
            known = self._topics.keys() | required
            self._discover()
            if self._publisher.get_subscription_count() >= len(self._nodes):
                stamp = self.new_stamp()
                self._probes[stamp] = self._probe_size
                self.publish(with_stamp(probe, stamp))
            heard = list(self.answers(time.monotonic() + _PROBE_SECONDS))
            _raise_failures(heard)
            early.extend(heard)
            # A topic that has just been found may not be the last one.
            if self._topics.keys() == known and not self._unheard() and not self._silent_nodes():
                return early
        raise NotReady(f"the nodes did not get ready in time: {self._what_is_missing(required)}")

    def _unheard(self) -> list[str]:
        return sorted(self._topics.keys() - self._heard)

    def _silent_nodes(self) -> list[str]:
        present = set(self._node.get_node_names())
        return [node for node in self._nodes if node not in present or not self._outputs_of(node)]

    def _what_is_missing(self, required: frozenset[str]) -> str:
        if silent := self._silent_nodes():
            return f"no outputs from {', '.join(silent)}"
        subscribed = self._publisher.get_subscription_count()
        if subscribed < len(self._nodes):
            return f"{subscribed} of {len(self._nodes)} nodes subscribed to {IMAGE_TOPICS[self._frame_type]}"
        return f"nothing came on {', '.join(sorted({*self._unheard(), *(required - self._topics.keys())}))}"

    def _outputs_of(self, node: str) -> dict[str, str]:
        try:
            published = self._node.get_publisher_names_and_types_by_node(node, "/")
        except rclpy.node.NodeNameNonExistentError:
            return {}
        return {
            name: types[0]
            for name, types in published
            if name not in _PLUMBING and not name.endswith("/transition_event")
        }

    def _discover(self) -> None:
        for node in self._nodes:
            for name, message_type in self._outputs_of(node).items():
                if name not in self._topics:
                    self._subscribe(name, message_type)

    def _subscribe(self, name: str, message_type: str) -> None:
        publishers = self._node.get_publishers_info_by_topic(name)
        if not publishers:
            return  # gone again, or not told about yet: the next look finds it
        kind = message_class(message_type)
        profiles = [publisher.qos_profile for publisher in publishers]
        qos = Qos(
            reliable=all(profile.reliability == ReliabilityPolicy.RELIABLE for profile in profiles),
            transient_local=all(
                profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for profile in profiles
            ),
        )
        stamped = next(iter(kind.get_fields_and_field_types().values()), "") == "std_msgs/Header"
        per_frame = stamped and not qos.transient_local and name != DIAGNOSTICS
        self._topics[name] = Topic(name, message_type, qos, self._type_hash(name), per_frame)

        def receive(cdr: bytes, info: dict) -> None:
            self._answers.put(
                Answer(
                    name, cdr, stamp_ns(cdr) if stamped else None, time.time_ns(), info["source_timestamp"]
                )
            )

        profile = QoSProfile(
            depth=qos.depth,
            reliability=ReliabilityPolicy.RELIABLE if qos.reliable else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if qos.transient_local else DurabilityPolicy.VOLATILE,
        )
        callback: Any = receive  # rclpy's annotations know no callback of raw messages with their times
        self._node.create_subscription(kind, name, callback, profile, raw=True)

    def _type_hash(self, name: str) -> str:
        """`RIHS01_…` of the type on a topic that has a publisher; empty where ROS is too old to tell."""
        publishers = self._node.get_publishers_info_by_topic(name)
        return str(getattr(publishers[0], "topic_type_hash", "")) if publishers else ""


def _raise_failures(heard: Iterable[Answer]) -> None:
    """NotReady if a node says why it will never be ready."""
    for answer in heard:
        if answer.topic != DIAGNOSTICS:
            continue
        for status in deserialize_message(answer.cdr, DiagnosticArray).status:
            if status.level == DiagnosticStatus.ERROR and status.message.startswith(UNCONFIGURED):
                raise NotReady(f"node {status.hardware_id} {status.message}")
