"""`attention/heatmap` and `attention/overlay`: where the model looks, or what a navigator's action reads."""

from __future__ import annotations

import numpy as np
from rclpy.node import Node

from vit_perception.nodes.images import codec
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.output import Output, has_subscribers
from vit_perception.nodes.settings import Settings
from vit_perception.runtime.results import Perception
from vit_perception.tasks import ATTENTION, NAVIGATION
from vit_perception.viz.draw import draw_attention

# Attention under which nothing is read at all.
_LEAST = 1e-12


class AttentionOutput(Output):
    """The parameter `attention.shows` chooses whose attention it is."""

    tasks: tuple[str, ...] = (ATTENTION,)

    def __init__(self, node: Node, prefix: str) -> None:
        super().__init__(node, prefix)
        self._heatmap = self.advertise("attention/heatmap")
        self._overlay = self.advertise("attention/overlay")

    def apply(self, settings: Settings) -> None:
        self.tasks = (ATTENTION, NAVIGATION) if settings.request.navigation_attention else (ATTENTION,)

    def publish(self, perception: Perception, frame: Frame) -> None:
        heatmap = self._heat(perception)
        if heatmap is None:
            return
        if has_subscribers(self._heatmap):
            self._heatmap.publish(codec.encode(heatmap, "32FC1", frame.header))
        if has_subscribers(self._overlay):
            drawn = draw_attention(frame.rgb, heatmap)
            self._overlay.publish(codec.encode(drawn, "rgb8", frame.header))

    def _heat(self, perception: Perception) -> np.ndarray | None:
        if NAVIGATION not in self.tasks:
            return None if perception.attention is None else perception.attention.heatmap
        found = perception.navigation
        if found is None or found.attention is None:
            return None
        read = found.attention.sum(axis=0)  # of colour and of depth
        return np.asarray(read / max(float(read.max()), _LEAST), np.float32)
