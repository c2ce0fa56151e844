"""`attention/heatmap` and `attention/overlay`: where the model looks."""

from __future__ import annotations

from rclpy.node import Node

from vit_perception.nodes.images import codec
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.output import Output, has_subscribers
from vit_perception.runtime.results import Perception
from vit_perception.tasks import ATTENTION
from vit_perception.viz.draw import draw_attention


class AttentionOutput(Output):
    tasks = (ATTENTION,)

    def __init__(self, node: Node, prefix: str) -> None:
        super().__init__(node, prefix)
        self._heatmap = self.advertise("attention/heatmap")
        self._overlay = self.advertise("attention/overlay")

    def publish(self, perception: Perception, frame: Frame) -> None:
        result = perception.attention
        if result is None:
            return
        if has_subscribers(self._heatmap):
            self._heatmap.publish(codec.encode(result.heatmap, "32FC1", frame.header))
        if has_subscribers(self._overlay):
            drawn = draw_attention(frame.rgb, result.heatmap)
            self._overlay.publish(codec.encode(drawn, "rgb8", frame.header))
