"""Everything that is published about the frames of one camera."""

from __future__ import annotations

import threading

from rclpy.node import Node

from vit_perception.nodes.camera import info_topic
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.attention import AttentionOutput
from vit_perception.nodes.outputs.classification import ClassificationOutput
from vit_perception.nodes.outputs.depth import DepthOutput
from vit_perception.nodes.outputs.detection import DetectionOutput
from vit_perception.nodes.outputs.detection_3d import Detection3DOutput
from vit_perception.nodes.outputs.labels import Labels
from vit_perception.nodes.outputs.navigation import NavigationOutput
from vit_perception.nodes.outputs.output import Output
from vit_perception.nodes.outputs.overlay import OverlayOutput
from vit_perception.nodes.outputs.segmentation import SegmentationOutput
from vit_perception.nodes.outputs.topics import TOPICS
from vit_perception.nodes.settings import Settings
from vit_perception.runtime.results import Perception
from vit_perception.runtime.task_models import TaskModels
from vit_perception.tasks import ATTENTION, CLASSIFICATION, DEPTH, DETECTION, NAVIGATION, SEGMENTATION


class CameraOutputs:
    """An output for each task, the labels, and the overlay if it is enabled.

    Args:
        node: that publishes.
        models: one for each task.
        camera: its name, which comes before every topic name; empty: none does.
        topic: of its images.
    """

    def __init__(self, node: Node, models: TaskModels, camera: str, topic: str) -> None:
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
        if DETECTION in models.tasks and DEPTH in models.tasks and models.card(DEPTH).decoding.depth.metric:
            self._outputs.append(Detection3DOutput(node, prefix, info_topic(camera, topic)))
        self._labels = Labels(node, prefix, models)
        self._overlay: OverlayOutput | None = None
        # `apply` runs on the executor's thread, everything else on the worker's.
        self._overlay_lock = threading.Lock()

    def apply(self, settings: Settings) -> None:
        """Use these settings from the next frame on; start or stop advertising the overlay."""
        for output in self._outputs:
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

    def subscribed_tasks(self) -> set[str]:
        """The tasks that the current subscribers need."""
        with self._overlay_lock:
            outputs = [*self._outputs, *([self._overlay] if self._overlay else [])]
            return {task for output in outputs if output.has_subscribers for task in output.tasks}

    def publish(self, perception: Perception, frame: Frame) -> None:
        for output in self._outputs:
            output.publish(perception, frame)
        with self._overlay_lock:
            if self._overlay is not None:
                self._overlay.publish(perception, frame)

    @property
    def warnings(self) -> list[str]:
        """What outputs lack to publish what somebody subscribed to."""
        return [output.warning for output in self._outputs if output.warning]

    def destroy(self) -> None:
        self._labels.destroy()
        for output in (*self._outputs, *([self._overlay] if self._overlay else [])):
            output.destroy()
