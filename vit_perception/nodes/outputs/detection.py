"""`detections`: boxes in source pixels, best first."""

from __future__ import annotations

import numpy as np
from rclpy.node import Node
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.output import Output, has_subscribers
from vit_perception.runtime.results import Perception
from vit_perception.tasks import DETECTION


class DetectionOutput(Output):
    tasks = (DETECTION,)

    def __init__(self, node: Node, prefix: str) -> None:
        super().__init__(node, prefix)
        self._publisher = self.advertise("detections")

    def publish(self, perception: Perception, frame: Frame) -> None:
        result = perception.detection
        if result is None or not has_subscribers(self._publisher):
            return
        ids = [""] * len(result.boxes) if result.instance_ids is None else map(str, result.instance_ids)
        detections = [
            detection_message(frame.header, box, int(class_id), float(score), instance)
            for box, class_id, score, instance in zip(
                result.boxes, result.class_ids, result.scores, ids, strict=True
            )
        ]
        self._publisher.publish(Detection2DArray(header=frame.header, detections=detections))


def detection_message(
    header: Header, box: np.ndarray, class_id: int, score: float, identity: str
) -> Detection2D:
    """One box. In `detections`, `id` is its value in `segmentation/instances`, empty where there is no such
    image; ids that last from frame to frame are in `tracks`."""
    left, top, right, bottom = map(float, box)
    hypothesis = ObjectHypothesisWithPose()
    hypothesis.hypothesis.class_id = str(class_id)
    hypothesis.hypothesis.score = score
    message = Detection2D(header=header, results=[hypothesis], id=identity)
    message.bbox.center.position.x = (left + right) / 2
    message.bbox.center.position.y = (top + bottom) / 2
    message.bbox.size_x = right - left
    message.bbox.size_y = bottom - top
    return message
