"""What every output is: a few topics that one task's answers go to."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from vit_perception.nodes.images.frame import Frame
from vit_perception.runtime.results import Perception

_DEPTH = 5
LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)


class Output:
    """Publishers that exist as long as the output; messages are only made for those that are heard.

    tasks: what it needs to know about a frame. prefix: before the names of its topics, with a slash.
    """

    tasks: tuple[str, ...]

    def __init__(self, node: Node, prefix: str) -> None:
        self._node = node
        self._prefix = prefix
        self._publishers: list[Publisher] = []

    def advertise(self, message_type: Any, topic: str, qos: QoSProfile | int = _DEPTH) -> Publisher:
        publisher = self._node.create_publisher(message_type, f"{self._prefix}{topic}", qos)
        self._publishers.append(publisher)
        return publisher

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens to any of its topics."""
        return any(map(heard, self._publishers))

    def publish(self, perception: Perception, frame: Frame) -> None:
        """Tell what `perception` says about `frame`; nothing if its task was not computed."""
        raise NotImplementedError

    def destroy(self) -> None:
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)
        self._publishers.clear()


def heard(publisher: Publisher) -> bool:
    return bool(publisher.get_subscription_count())
