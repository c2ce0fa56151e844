"""`overlay`: all results drawn on the frame, for people."""

from __future__ import annotations

from rclpy.node import Node

from vit_perception.nodes.images import codec
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.output import Output, has_subscribers
from vit_perception.runtime.results import Perception
from vit_perception.runtime.task_models import TaskModels
from vit_perception.viz.draw import draw_overlay


class OverlayOutput(Output):
    def __init__(self, node: Node, prefix: str, models: TaskModels, tasks: tuple[str, ...]) -> None:
        super().__init__(node, prefix)
        self.tasks = tasks
        self._models = models
        self._publisher = self.advertise("overlay")

    def publish(self, perception: Perception, frame: Frame) -> None:
        if has_subscribers(self._publisher):
            drawn = draw_overlay(frame.rgb, perception, self._models.labels)
            self._publisher.publish(codec.encode(drawn, "rgb8", frame.header))
