"""`detections`: boxes in source pixels, best first."""

from __future__ import annotations

import numpy as np
from rclpy.node import Node
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from vit_perception.nodes.frame import Frame
from vit_perception.nodes.outputs.output import Output, heard
from vit_perception.runtime.results import Perception
from vit_perception.tasks import DETECTION


class DetectionOutput(Output):
    tasks = (DETECTION,)

    def __init__(self, node: Node, prefix: str) -> None:
        super().__init__(node, prefix)
        self._publisher = self.advertise(Detection2DArray, "detections")

    def publish(self, perception: Perception, frame: Frame) -> None:
        answer = perception.detection
        if answer is None or not heard(self._publisher):
            return
        detections = [
            _detection(frame.header, box, int(class_id), float(score))
            for box, class_id, score in zip(answer.boxes, answer.class_ids, answer.scores, strict=True)
        ]
        self._publisher.publish(Detection2DArray(header=frame.header, detections=detections))


def _detection(header: Header, box: np.ndarray, class_id: int, score: float) -> Detection2D:
    """One box. `id` stays empty: it is for those who track things from frame to frame."""
    left, top, right, bottom = map(float, box)
    hypothesis = ObjectHypothesisWithPose()
    hypothesis.hypothesis.class_id = str(class_id)
    hypothesis.hypothesis.score = score
    message = Detection2D(header=header, results=[hypothesis])
    message.bbox.center.position.x = (left + right) / 2
    message.bbox.center.position.y = (top + bottom) / 2
    message.bbox.size_x = right - left
    message.bbox.size_y = bottom - top
    return message
