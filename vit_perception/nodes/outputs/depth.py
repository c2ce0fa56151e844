"""`depth`, metres as REP 118 has them; of a model that knows none, `depth/relative`: larger is nearer."""

from __future__ import annotations

from rclpy.node import Node
from sensor_msgs.msg import Image

from vit_perception.cards.card import Card
from vit_perception.nodes.images import codec
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.output import Output, heard
from vit_perception.runtime.results import Perception
from vit_perception.tasks import DEPTH


class DepthOutput(Output):
    tasks = (DEPTH,)

    def __init__(self, node: Node, prefix: str, card: Card) -> None:
        super().__init__(node, prefix)
        # Who subscribes to depth takes the numbers for metres: others get a name of their own.
        self._publisher = self.advertise(Image, "depth" if card.decoding.depth.metric else "depth/relative")

    def publish(self, perception: Perception, frame: Frame) -> None:
        if perception.depth is not None and heard(self._publisher):
            self._publisher.publish(codec.encode(perception.depth.depth, "32FC1", frame.header))
