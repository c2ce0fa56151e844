"""`detections`: boxes in source pixels, best first."""

from __future__ import annotations

import numpy as np
from rclpy.node import Node
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from vit_perception.nodes.images.frame import Frame
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
        ids = [""] * len(answer.boxes) if answer.instance_ids is None else map(str, answer.instance_ids)
        detections = [
            _detection(frame.header, box, int(class_id), float(score), instance)
            for box, class_id, score, instance in zip(
                answer.boxes, answer.class_ids, answer.scores, ids, strict=True
            )
        ]
        self._publisher.publish(Detection2DArray(header=frame.header, detections=detections))


def _detection(header: Header, box: np.ndarray, class_id: int, score: float, instance: str) -> Detection2D:
    """One box. `id` is its value in `segmentation/instances`, empty where there is no such image: ids that
    last from frame to frame are for those who track."""
    left, top, right, bottom = map(float, box)
    hypothesis = ObjectHypothesisWithPose()
    hypothesis.hypothesis.class_id = str(class_id)
    hypothesis.hypothesis.score = score
    message = Detection2D(header=header, results=[hypothesis], id=instance)
    message.bbox.center.position.x = (left + right) / 2
    message.bbox.center.position.y = (top + bottom) / 2
    message.bbox.size_x = right - left
    message.bbox.size_y = bottom - top
    return message
