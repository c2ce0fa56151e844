"""Everything that is published about the frames of one camera, in its pixels."""

from __future__ import annotations

import threading

from rclpy.node import Node

from vit_perception.nodes.camera_motion import CameraMotion
from vit_perception.nodes.depth.intrinsics import Intrinsics
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.attention import AttentionOutput
from vit_perception.nodes.outputs.classification import ClassificationOutput
from vit_perception.nodes.outputs.depth import DepthOutput
from vit_perception.nodes.outputs.detection import DetectionOutput
from vit_perception.nodes.outputs.labels import Labels
from vit_perception.nodes.outputs.navigation import NavigationOutput
from vit_perception.nodes.outputs.output import Output
from vit_perception.nodes.outputs.overlay import OverlayOutput
from vit_perception.nodes.outputs.segmentation import SegmentationOutput
from vit_perception.nodes.outputs.topics import TOPICS
from vit_perception.nodes.outputs.tracks import TracksOutput
from vit_perception.nodes.settings import Settings
from vit_perception.nodes.stamps import seconds_of
from vit_perception.runtime.picture_shift import PictureShift
from vit_perception.runtime.results import Perception
from vit_perception.runtime.smoothing import Smoother
from vit_perception.runtime.task_models import TaskModels
from vit_perception.tasks import ATTENTION, CLASSIFICATION, DEPTH, DETECTION, NAVIGATION, SEGMENTATION


class CameraOutputs:
    """An output for each task, the labels, and the overlay if it is enabled.

    Args:
        node: that publishes.
        models: one for each task.
        camera: its name, which comes before every topic name; empty: none does.
        intrinsics: of the camera.

    Attributes:
        motion: of the camera.
    """

    def __init__(self, node: Node, models: TaskModels, camera: str, intrinsics: Intrinsics) -> None:
        prefix = f"{camera}/" if camera else ""
        makers = {
            CLASSIFICATION: lambda: ClassificationOutput(node, prefix),
            DETECTION: lambda: DetectionOutput(node, prefix),
            SEGMENTATION: lambda: SegmentationOutput(node, prefix, models.card(SEGMENTATION)),
            NAVIGATION: lambda: NavigationOutput(node, prefix, models),
            DEPTH: lambda: DepthOutput(node, prefix, models.card(DEPTH)),
            ATTENTION: lambda: AttentionOutput(node, prefix),
        }
        drawn = tuple(task for task in models.tasks if task in TOPICS["overlay"].tasks)
        self._make_overlay = lambda: OverlayOutput(node, prefix, models, drawn)
        self._outputs: list[Output] = [makers[task]() for task in models.tasks]
        self.motion = CameraMotion(node, intrinsics)
        self._tracks = TracksOutput(node, prefix, self.motion) if DETECTION in models.tasks else None
        self._smoothing = 0.0
        self._smoother, self._shift = Smoother(), PictureShift()
        self._last: float | None = None
        self._labels = Labels(node, prefix, models)
        self._overlay: OverlayOutput | None = None
        # `apply` runs on the executor's thread, everything else on the worker's.
        self._overlay_lock = threading.Lock()

    def apply(self, settings: Settings) -> None:
        """Use these settings from the next frame on; start or stop advertising the overlay."""
        self._smoothing = settings.smoothing
        self.motion.apply(settings)
        for output in (*self._outputs, *filter(None, [self._tracks])):
            output.apply(settings)
        with self._overlay_lock:
            if settings.overlay and self._overlay is None:
                self._overlay = self._make_overlay()
            elif not settings.overlay and self._overlay is not None:
                self._overlay.destroy()
                self._overlay = None

    def publish_labels(self, settings: Settings) -> None:
        """Publish the labels at the start, and again when they or their threshold have changed."""
        self._labels.publish(settings)

    @property
    def tracks(self) -> bool:
        """Whether somebody subscribed to tracks, which need faint boxes and the camera's motion."""
        return self._tracks is not None and self._tracks.has_subscribers

    def attend(self) -> None:
        """Subscribe to what the current subscribers need beside images. Called by the executor's thread."""
        masks = bool(self._smoothing) and SEGMENTATION in self.subscribed_tasks()
        self.motion.attend(self.tracks or masks)

    def subscribed_tasks(self) -> set[str]:
        """The tasks that the current subscribers need."""
        with self._overlay_lock:
            outputs = [*self._outputs, *filter(None, [self._tracks, self._overlay])]
            return {task for output in outputs if output.has_subscribers for task in output.tasks}

    def publish_tracks(self, perception: Perception, frame: Frame) -> None:
        if self._tracks is not None:
            self._tracks.publish(perception, frame)

    def publish(self, perception: Perception, frame: Frame) -> None:
        """Publish the results for a frame; faint boxes are for `publish_tracks` alone."""
        perception = self._smooth(perception, frame)
        for output in self._outputs:
            output.publish(perception, frame)
        with self._overlay_lock:
            if self._overlay is not None:
                self._overlay.publish(perception, frame)

    def _smooth(self, perception: Perception, frame: Frame) -> Perception:
        if not self._smoothing:
            return perception
        seconds, motion = seconds_of(frame.header), None
        if perception.segmentation is not None:
            if self._last is not None:
                motion = self.motion.between(self._last, seconds, perception.image_size)
            if motion is None:
                motion = self._shift.update(frame.pixels)
            else:  # by the time it is needed, its last frame would be an old one
                self._shift = PictureShift()
            self._last = seconds
        return self._smoother.update(perception, seconds, self._smoothing, motion)

    def retire(self) -> None:
        """Unsubscribe from all."""
        self.motion.attend(False)

    def destroy(self) -> None:
        self._labels.destroy()
        self.motion.destroy()
        for output in (*self._outputs, *filter(None, [self._tracks, self._overlay])):
            output.destroy()
