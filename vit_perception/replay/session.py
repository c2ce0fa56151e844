"""The replay's own ROS node: publishes frames and receives everything that the nodes publish."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from rclpy.publisher import Publisher
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from vit_perception.nodes.images import codec
from vit_perception.nodes.images.compressed_depth import encode_compressed_depth
from vit_perception.nodes.outputs.topics import TOPICS, Qos, message_class
from vit_perception.nodes.qos import qos_profile
from vit_perception.replay.cdr import IMAGE, serialize_bgr, serialize_jpeg, stamp_ns, with_stamp
from vit_perception.replay.discovery import OutputTopic, describe, is_stamped, published_topics
from vit_perception.replay.live_node import LiveNode
from vit_perception.replay.sources.beside import CAMERA_INFO, COMPRESSED_DEPTH, DEPTH_IMAGE

NODE = "replay"
# Where the nodes expect frames, by message type.
IMAGE_TOPICS = {TOPICS[name].message_type: f"/{name}" for name in ("image", "image/compressed")}
_IMAGE_QOS = Qos(depth=5)
# How many messages beside frames are kept at least for nodes that are late.
_LEAST_DEPTH = 5


@dataclass(frozen=True)
class Received:
    """A message as it came over DDS.

    Attributes:
        topic: its full name.
        cdr: the serialised message.
        stamp_ns: of its header; None if it has none.
        received_ns: when it came, by this machine's clock.
        published_ns: when it was published, as the middleware reports it.
    """

    topic: str
    cdr: bytes
    stamp_ns: int | None
    received_ns: int
    published_ns: int


class Session(LiveNode):
    """A graph of this node and the nodes under test. Use as a context manager.

    Needs the environment (transports) set before.

    Args:
        frame_type: type of the messages that will be published.
        nodes: names of the nodes under test.
        domain_id: ROS domain.
        beside: inputs of the nodes, beside images, that will be published.
        in_metres: whether these are enough for the topics that need such inputs.
    """

    def __init__(
        self,
        frame_type: str,
        nodes: Iterable[str],
        domain_id: int,
        beside: Iterable[str] = (),
        in_metres: bool = False,
    ) -> None:
        super().__init__(NODE, domain_id)
        self.nodes = tuple(nodes)
        self._frame_type = frame_type
        self._received: queue.SimpleQueue[Received] = queue.SimpleQueue()
        self._topics: dict[str, OutputTopic] = {}
        self._probes: dict[int, tuple[int, int]] = {}
        self._last_stamp = 0
        self._publisher: Publisher = self._node.create_publisher(
            message_class(frame_type), IMAGE_TOPICS[frame_type], qos_profile(_IMAGE_QOS)
        )
        self._in_metres = in_metres
        self._beside: dict[str, Publisher] = {
            name: self._node.create_publisher(
                message_class(TOPICS[name].message_type), f"/{name.lstrip('/')}", qos_profile(_offered(name))
            )
            for name in beside
        }

    @property
    def image(self) -> OutputTopic:
        """The topic that the frames are published on."""
        return OutputTopic(IMAGE_TOPICS[self._frame_type], self._frame_type, _IMAGE_QOS, per_frame=False)

    @property
    def topics(self) -> dict[str, OutputTopic]:
        """Every output topic found so far, by name."""
        return dict(self._topics)

    @property
    def subscription_count(self) -> int:
        """How many subscriptions there are to the frames."""
        return int(self._publisher.get_subscription_count())

    def new_stamp(self) -> int:
        """The time now in nanoseconds, later than any stamp given before."""
        self._last_stamp = max(time.time_ns(), self._last_stamp + 1)
        return self._last_stamp

    def publish(self, cdr: bytes) -> None:
        """Publish a serialised frame."""
        self._publisher.publish(cdr)

    def publish_beside(self, name: str, cdr: bytes) -> None:
        """Publish a serialised message for another input of the nodes."""
        self._beside[name].publish(cdr)

    def probe(self, size: tuple[int, int]) -> None:
        """Publish a grey frame of this (height, width) in pixels, whose results are no part of the replay.

        It comes with a wall a metre ahead, and a camera that sees it, if such inputs will be published.
        """
        grey = np.full((*size, 3), 128, np.uint8)
        frame = serialize_bgr(grey, NODE) if self._frame_type == IMAGE else serialize_jpeg(grey, NODE)
        stamp = self.new_stamp()
        self._probes[stamp] = size
        if CAMERA_INFO in self._beside:
            self.publish_beside(CAMERA_INFO, serialize_message(_camera(size)))
        if DEPTH_IMAGE in self._beside:
            wall = serialize_message(codec.encode(np.ones(size, np.float32), "32FC1", Header(frame_id=NODE)))
            self.publish_beside(DEPTH_IMAGE, with_stamp(wall, stamp))
        if COMPRESSED_DEPTH in self._beside:
            millimetres = np.full(size, 1000, np.uint16)
            wall = serialize_message(encode_compressed_depth(millimetres, Header(frame_id=NODE)))
            self.publish_beside(COMPRESSED_DEPTH, with_stamp(wall, stamp))
        self.publish(with_stamp(frame, stamp))

    def probe_size(self, message: Received) -> tuple[int, int] | None:
        """(height, width) of the probe that a message is about; None if it is about none."""
        return None if message.stamp_ns is None else self._probes.get(message.stamp_ns)

    def messages(self, until: float) -> Iterator[Received]:
        """Messages as they come, without those about probes, until the monotonic clock says `until`."""
        return (message for message in self.all_messages(until) if self.probe_size(message) is None)

    def all_messages(self, until: float) -> Iterator[Received]:
        """The same with those about probes."""
        while True:
            try:
                yield self._received.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return

    def published_by(self, node: str) -> dict[str, str]:
        """Topic name → message type of a node's outputs; empty while it is unknown."""
        return published_topics(self._node, node)

    def discover(self) -> None:
        """Subscribe to the outputs that are not yet known."""
        for node in self.nodes:
            for name, message_type in self.published_by(node).items():
                if name in self._topics or (needs_more(name) and not self._in_metres):
                    continue
                if topic := describe(self._node, name, message_type):
                    self._subscribe(topic)

    def _subscribe(self, topic: OutputTopic) -> None:
        self._topics[topic.name] = topic
        stamped = is_stamped(topic.message_type)

        def receive(cdr: bytes, info: dict) -> None:
            stamp = stamp_ns(cdr) if stamped else None
            self._received.put(Received(topic.name, cdr, stamp, time.time_ns(), info["source_timestamp"]))

        # rclpy's annotations know no callback of raw messages with their times.
        callback: Callable[..., Any] = receive
        self._node.create_subscription(
            message_class(topic.message_type), topic.name, callback, qos_profile(topic.qos), raw=True
        )


def needs_more(name: str) -> bool:
    """Whether something comes on an output topic only where more than images come in."""
    topic = TOPICS.get(name.removeprefix("/"))
    return topic is not None and bool(topic.needs)


def _offered(name: str) -> Qos:
    """Of a publisher for an input of the nodes: all that these may ask for."""
    asked = TOPICS[name].qos
    return Qos(transient_local=asked.transient_local, depth=max(asked.depth, _LEAST_DEPTH))


def _camera(size: tuple[int, int]) -> CameraInfo:
    height, width = size
    k = [float(width), 0.0, width / 2, 0.0, float(width), height / 2, 0.0, 0.0, 1.0]
    return CameraInfo(height=height, width=width, k=k)
