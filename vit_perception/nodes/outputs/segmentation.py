"""`segmentation/mask` and `segmentation/confidence`: a class for every source pixel, as Nav2 expects it;
`segmentation/instances`: the object of every pixel, where the model separates objects."""

from __future__ import annotations

from rclpy.node import Node

from vit_perception.cards.card import Card
from vit_perception.cards.rules import INSTANCE_KINDS
from vit_perception.nodes.images import codec
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.output import Output, has_subscribers
from vit_perception.runtime.results import Perception
from vit_perception.tasks import SEGMENTATION


class SegmentationOutput(Output):
    tasks = (SEGMENTATION,)

    def __init__(self, node: Node, prefix: str, card: Card) -> None:
        super().__init__(node, prefix)
        self._instances = None
        if card.decoding.segmentation.kind in INSTANCE_KINDS:
            self._instances = self.advertise("segmentation/instances")
        self._mask = self.advertise("segmentation/mask")
        self._confidence = self.advertise("segmentation/confidence")

    def publish(self, perception: Perception, frame: Frame) -> None:
        result = perception.segmentation
        if result is None:
            return
        for publisher, pixels in ((self._mask, result.mask), (self._confidence, result.confidence)):
            if has_subscribers(publisher):
                publisher.publish(codec.encode(pixels, "mono8", frame.header))
        if self._instances is not None and result.instances is not None and has_subscribers(self._instances):
            self._instances.publish(codec.encode(result.instances, "mono16", frame.header))
