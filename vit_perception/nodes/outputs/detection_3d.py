"""`detections_3d`: boxes in metres, in the optical frame of the camera that `camera_info` describes."""

from __future__ import annotations

import numpy as np
from rclpy.node import Node
from std_msgs.msg import Header
from vision_msgs.msg import Detection3D, Detection3DArray, ObjectHypothesisWithPose

from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.space_output import SpaceOutput
from vit_perception.nodes.settings import Settings
from vit_perception.runtime.boxes_3d import NO_REGION, Regions, View, boxes_3d
from vit_perception.runtime.results import Detection, Perception, Segmentation
from vit_perception.runtime.task_models import TaskModels
from vit_perception.tasks import DETECTION, SEGMENTATION


class Detection3DOutput(SpaceOutput):
    """Boxes of unknown depth are left out; they are in `detections`.

    With segmentation among the tasks, the mask says which pixels of a box are its object.

    Args:
        models: whose labels tell which class of a box is which of the mask.
    """

    name = "detections_3d"

    def __init__(self, node: Node, prefix: str, models: TaskModels) -> None:
        super().__init__(node, prefix)
        self._models = models
        self.tasks = (DETECTION, SEGMENTATION) if SEGMENTATION in models.tasks else (DETECTION,)

    def publish(self, perception: Perception, frame: Frame, view: View, settings: Settings) -> None:
        if (found := perception.detection) is None:
            return
        regions = None if perception.segmentation is None else self._regions(found, perception.segmentation)
        boxes = boxes_3d(found.boxes, perception.image_size, view, regions)
        detections = [
            _detection(
                frame.header,
                centre,
                size,
                str(found.class_ids[place]),
                float(found.scores[place]),
                "" if found.instance_ids is None else str(found.instance_ids[place]),
            )
            for centre, size, place in zip(boxes.centres, boxes.sizes, boxes.kept, strict=True)
        ]
        self._publisher.publish(Detection3DArray(header=frame.header, detections=detections))

    def _regions(self, found: Detection, seen: Segmentation) -> Regions:
        """Objects where the model tells them apart, else pixels of the class of a box."""
        if found.instance_ids is not None and seen.instances is not None:
            return Regions(seen.instances, found.instance_ids)
        numbers = {label: number for number, label in enumerate(self._models.card(SEGMENTATION).labels)}
        labels = self._models.card(DETECTION).labels
        return Regions(
            seen.mask,
            np.array([numbers.get(labels[each], NO_REGION) for each in found.class_ids], np.int64),
        )


def _detection(
    header: Header, centre: np.ndarray, size: np.ndarray, class_id: str, score: float, instance: str
) -> Detection3D:
    """One box along the axes; `id` as in `detections`."""
    hypothesis = ObjectHypothesisWithPose()
    hypothesis.hypothesis.class_id = class_id
    hypothesis.hypothesis.score = score
    message = Detection3D(header=header, results=[hypothesis], id=instance)
    position, extent = message.bbox.center.position, message.bbox.size
    position.x, position.y, position.z = map(float, centre)
    extent.x, extent.y, extent.z = map(float, size)
    hypothesis.pose.pose = message.bbox.center
    return message
