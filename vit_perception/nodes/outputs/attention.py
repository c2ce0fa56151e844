"""`attention/heatmap` and `attention/overlay`: where the model looks."""

from __future__ import annotations

from rclpy.node import Node
from sensor_msgs.msg import Image

from vit_perception.nodes.images import codec
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.output import Output, heard
from vit_perception.runtime.results import Perception
from vit_perception.tasks import ATTENTION
from vit_perception.viz.draw import draw_attention


class AttentionOutput(Output):
    tasks = (ATTENTION,)

    def __init__(self, node: Node, prefix: str) -> None:
        super().__init__(node, prefix)
        self._heatmap = self.advertise(Image, "attention/heatmap")
        self._overlay = self.advertise(Image, "attention/overlay")

    def publish(self, perception: Perception, frame: Frame) -> None:
        answer = perception.attention
        if answer is None:
            return
        if heard(self._heatmap):
            self._heatmap.publish(codec.encode(answer.heatmap, "32FC1", frame.header))
        if heard(self._overlay):
            drawn = draw_attention(frame.rgb, answer.heatmap)
            self._overlay.publish(codec.encode(drawn, "rgb8", frame.header))
