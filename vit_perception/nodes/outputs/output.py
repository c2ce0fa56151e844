"""Base of all outputs: a few topics with the results of one task or more."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.publisher import Publisher

from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.topics import TOPICS, message_class
from vit_perception.nodes.qos import qos_profile
from vit_perception.nodes.settings import Settings
from vit_perception.runtime.results import Perception


class Output:
    """Publishers that live as long as the output. A message is only built for a topic with subscribers.

    Args:
        node: that publishes.
        prefix: put before every topic name: empty, or the camera's name with a slash.

    Attributes:
        tasks: those that must be computed for its messages.
    """

    tasks: tuple[str, ...]

    def __init__(self, node: Node, prefix: str) -> None:
        self._node = node
        self._prefix = prefix
        self._publishers: list[Publisher] = []

    def advertise(self, name: str) -> Publisher:
        """A publisher for a topic of the table, with the type and QoS given there."""
        topic = TOPICS[name]
        publisher = self._node.create_publisher(
            message_class(topic.message_type), f"{self._prefix}{name}", qos_profile(topic.qos)
        )
        self._publishers.append(publisher)
        return publisher

    @property
    def has_subscribers(self) -> bool:
        """Whether any of its topics has a subscriber."""
        return any(map(has_subscribers, self._publishers))

    def apply(self, settings: Settings) -> None:
        """Use these settings from the next frame on."""

    def publish(self, perception: Perception, frame: Frame) -> None:
        """Publish the results for `frame`; nothing if the task was not computed."""
        raise NotImplementedError

    def destroy(self) -> None:
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)
        self._publishers.clear()


def has_subscribers(publisher: Publisher) -> bool:
    return bool(publisher.get_subscription_count())
