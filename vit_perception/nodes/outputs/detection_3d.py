"""`detections_3d`: boxes in metres, in the optical frame of the camera that `camera_info` describes."""

from __future__ import annotations

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header
from vision_msgs.msg import Detection3D, Detection3DArray, ObjectHypothesisWithPose

from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.output import Output, has_subscribers
from vit_perception.nodes.outputs.topics import TOPICS
from vit_perception.nodes.qos import qos_profile
from vit_perception.runtime.boxes_3d import Pinhole, boxes_3d
from vit_perception.runtime.results import Perception
from vit_perception.tasks import DEPTH, DETECTION

_LOG_SECONDS = 30.0


class Detection3DOutput(Output):
    """Publishes nothing before the first usable `camera_info`, or where depth is not in metres.

    Boxes of unknown depth are left out; they are in `detections`.

    Args:
        info: the topic of the camera's CameraInfo.
    """

    tasks = (DETECTION, DEPTH)

    def __init__(self, node: Node, prefix: str, info: str) -> None:
        super().__init__(node, prefix)
        self._publisher = self.advertise("detections_3d")
        # Replaced as a whole: the executor writes it, the worker reads it.
        self._camera: Pinhole | None = None
        self._subscription = node.create_subscription(
            CameraInfo, info, self._update_camera, qos_profile(TOPICS["camera_info"].qos)
        )
        self._refusal = "nothing arrives"

    def publish(self, perception: Perception, frame: Frame) -> None:
        found, depth, camera = perception.detection, perception.depth, self._camera
        if found is None or depth is None or camera is None:
            return
        if not depth.metric or not has_subscribers(self._publisher):
            return
        boxes = boxes_3d(found.boxes, perception.image_size, depth.depth, camera)
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

    @property
    def warning(self) -> str:
        """Why nothing is published though somebody subscribed; empty if all is well."""
        if self._camera is not None or not self.has_subscribers:
            return ""
        return f"{self._subscription.topic_name}: {self._refusal}; until then there are no detections_3d"

    def destroy(self) -> None:
        self._node.destroy_subscription(self._subscription)
        super().destroy()

    def _update_camera(self, message: CameraInfo) -> None:
        try:
            self._camera = Pinhole.of_matrix(message.k, (message.height, message.width))
        except ValueError as error:
            self._camera, self._refusal = None, str(error)
            self._node.get_logger().warning(self.warning, throttle_duration_sec=_LOG_SECONDS)


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
