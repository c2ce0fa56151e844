"""`detections_3d`: boxes in metres, in the optical frame of the camera that `camera_info` describes."""

from __future__ import annotations

import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header
from vision_msgs.msg import Detection3D, Detection3DArray, ObjectHypothesisWithPose

from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.output import Output, heard
from vit_perception.runtime.boxes_3d import Pinhole, boxes_3d
from vit_perception.runtime.results import Perception
from vit_perception.tasks import DEPTH, DETECTION

# Hears reliable publishers, too; only the newest is of use.
_NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
_LOG_SECONDS = 30.0


class Detection3DOutput(Output):
    """Silent until a calibrated camera has said what it is, and where depth is not in metres.

    Boxes whose depth is not known are left out: `detections` has them.
    """

    tasks = (DETECTION, DEPTH)

    def __init__(self, node: Node, prefix: str) -> None:
        super().__init__(node, prefix)
        self._publisher = self.advertise(Detection3DArray, "detections_3d")
        # Replaced as a whole: the executor writes it, the worker reads it.
        self._camera: Pinhole | None = None
        self._subscription = node.create_subscription(
            CameraInfo, f"{prefix}camera_info", self._learn, _NEWEST
        )

    def publish(self, perception: Perception, frame: Frame) -> None:
        found, depth, camera = perception.detection, perception.depth, self._camera
        if found is None or depth is None or not depth.metric or camera is None or not heard(self._publisher):
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

    def destroy(self) -> None:
        self._node.destroy_subscription(self._subscription)
        super().destroy()

    def _learn(self, message: CameraInfo) -> None:
        try:
            self._camera = Pinhole.of_matrix(message.k, (message.height, message.width))
        except ValueError as error:
            self._camera = None
            topic = self._node.resolve_topic_name(f"{self._prefix}camera_info")
            self._node.get_logger().warning(
                f"{topic}: {error}; until then there are no detections_3d", throttle_duration_sec=_LOG_SECONDS
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
