"""Base of the outputs in metres: they need the depth of a frame, and the camera that saw it."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.publisher import Publisher

from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.output import has_subscribers
from vit_perception.nodes.outputs.topics import TOPICS, message_class
from vit_perception.nodes.qos import qos_profile
from vit_perception.nodes.settings import Settings
from vit_perception.runtime.boxes_3d import View
from vit_perception.runtime.results import Perception


class SpaceOutput:
    """A publisher that lives as long as the output.

    Args:
        node: that publishes.
        prefix: put before the topic name: empty, or the camera's name with a slash.

    Attributes:
        name: of its topic.
        tasks: those that must be computed for its messages, beside depth.
    """

    name: str
    tasks: tuple[str, ...]

    def __init__(self, node: Node, prefix: str) -> None:
        self._node = node
        topic = TOPICS[self.name]
        self._publisher: Publisher = node.create_publisher(
            message_class(topic.message_type), f"{prefix}{self.name}", qos_profile(topic.qos)
        )

    @property
    def heard(self) -> bool:
        """Whether somebody subscribes."""
        return has_subscribers(self._publisher)

    def publish(self, perception: Perception, frame: Frame, view: View, settings: Settings) -> None:
        """Publish the results for `frame`; nothing if the task was not computed."""
        raise NotImplementedError

    def destroy(self) -> None:
        self._node.destroy_publisher(self._publisher)
