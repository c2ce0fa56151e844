"""`segmentation/mask` and `segmentation/confidence`: a class for every source pixel, as Nav2 takes it."""

from __future__ import annotations

from rclpy.node import Node
from sensor_msgs.msg import Image

from vit_perception.nodes import image_codec
from vit_perception.nodes.frame import Frame
from vit_perception.nodes.outputs.output import Output, heard
from vit_perception.runtime.results import Perception
from vit_perception.tasks import SEGMENTATION


class SegmentationOutput(Output):
    tasks = (SEGMENTATION,)

    def __init__(self, node: Node, prefix: str) -> None:
        super().__init__(node, prefix)
        self._mask = self.advertise(Image, "segmentation/mask")
        self._confidence = self.advertise(Image, "segmentation/confidence")

    def publish(self, perception: Perception, frame: Frame) -> None:
        answer = perception.segmentation
        if answer is None:
            return
        for publisher, pixels in ((self._mask, answer.mask), (self._confidence, answer.confidence)):
            if heard(publisher):
                publisher.publish(image_codec.encode(pixels, "mono8", frame.header))
