"""`classification`: what the frame shows, best first."""

from __future__ import annotations

from rclpy.node import Node
from vision_msgs.msg import Classification, ObjectHypothesis

from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.output import Output, has_subscribers
from vit_perception.runtime.results import Perception
from vit_perception.tasks import CLASSIFICATION


class ClassificationOutput(Output):
    tasks = (CLASSIFICATION,)

    def __init__(self, node: Node, prefix: str) -> None:
        super().__init__(node, prefix)
        self._publisher = self.advertise("classification")

    def publish(self, perception: Perception, frame: Frame) -> None:
        result = perception.classification
        if result is None or not has_subscribers(self._publisher):
            return
        hypotheses = [
            ObjectHypothesis(class_id=str(class_id), score=float(score))
            for class_id, score in zip(result.class_ids, result.scores, strict=True)
        ]
        self._publisher.publish(Classification(header=frame.header, results=hypotheses))
