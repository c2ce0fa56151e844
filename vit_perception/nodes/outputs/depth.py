"""`depth` in metres, as in REP 118; `depth/relative` of models without a scale: larger is nearer."""

from __future__ import annotations

from rclpy.node import Node

from vit_perception.cards.card import Card
from vit_perception.nodes.images import codec
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.output import Output, has_subscribers
from vit_perception.nodes.outputs.topics import depth_topic
from vit_perception.runtime.results import Perception
from vit_perception.tasks import DEPTH


class DepthOutput(Output):
    tasks = (DEPTH,)

    def __init__(self, node: Node, prefix: str, card: Card) -> None:
        super().__init__(node, prefix)
        self._publisher = self.advertise(depth_topic(card.decoding.depth.metric).name)

    def publish(self, perception: Perception, frame: Frame) -> None:
        if perception.depth is not None and has_subscribers(self._publisher):
            self._publisher.publish(codec.encode(perception.depth.depth, "32FC1", frame.header))
