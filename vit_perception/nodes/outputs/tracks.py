"""`tracks`: the detections that belong to an object, each with the id that stays with it."""

from __future__ import annotations

from rclpy.node import Node
from vision_msgs.msg import Detection2DArray

from vit_perception.nodes.camera_motion import CameraMotion
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.detection import detection_message
from vit_perception.nodes.outputs.output import Output, has_subscribers
from vit_perception.nodes.settings import Settings
from vit_perception.nodes.stamps import seconds_of
from vit_perception.runtime.results import Perception
from vit_perception.runtime.tracking.tracker import Tracker
from vit_perception.tasks import DETECTION


class TracksOutput(Output):
    """Tracks while somebody subscribes, and then takes faint boxes, too.

    Args:
        motion: of the camera.
    """

    tasks = (DETECTION,)

    def __init__(self, node: Node, prefix: str, motion: CameraMotion) -> None:
        super().__init__(node, prefix)
        self._publisher = self.advertise("tracks")
        self._motion = motion
        self._tracker = Tracker()
        self._last: float | None = None
        self._least = 0.0

    def apply(self, settings: Settings) -> None:
        self._least = settings.request.thresholds.get(DETECTION, 0.0)

    def publish(self, perception: Perception, frame: Frame) -> None:
        found = perception.detection
        if found is None or not has_subscribers(self._publisher):
            return
        seconds = seconds_of(frame.header)
        motion = None
        if self._last is not None:
            motion = self._motion.between(self._last, seconds, perception.image_size)
        self._last = seconds
        ids = self._tracker.update(found, seconds, self._least, motion).tolist()
        detections = [
            detection_message(frame.header, box, int(class_id), float(score), str(identity))
            for box, class_id, score, identity in zip(
                found.boxes, found.class_ids, found.scores, ids, strict=True
            )
            if identity
        ]
        self._publisher.publish(Detection2DArray(header=frame.header, detections=detections))
