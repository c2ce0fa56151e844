"""`segmentation/mask` and `segmentation/confidence`: a class for every source pixel, as Nav2 takes it;
`segmentation/instances`: which object it is of, where the model tells."""

from __future__ import annotations

from rclpy.node import Node
from sensor_msgs.msg import Image

from vit_perception.cards.card import Card
from vit_perception.cards.rules import INSTANCE_KINDS
from vit_perception.nodes.images import codec
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.output import Output, heard
from vit_perception.runtime.results import Perception
from vit_perception.tasks import SEGMENTATION


class SegmentationOutput(Output):
    tasks = (SEGMENTATION,)

    def __init__(self, node: Node, prefix: str, card: Card) -> None:
        super().__init__(node, prefix)
        self._instances = None
        if card.decoding.segmentation.kind in INSTANCE_KINDS:
            self._instances = self.advertise(Image, "segmentation/instances")
        self._mask = self.advertise(Image, "segmentation/mask")
        self._confidence = self.advertise(Image, "segmentation/confidence")

    def publish(self, perception: Perception, frame: Frame) -> None:
        answer = perception.segmentation
        if answer is None:
            return
        for publisher, pixels in ((self._mask, answer.mask), (self._confidence, answer.confidence)):
            if heard(publisher):
                publisher.publish(codec.encode(pixels, "mono8", frame.header))
        if self._instances is not None and answer.instances is not None and heard(self._instances):
            self._instances.publish(codec.encode(answer.instances, "mono16", frame.header))
