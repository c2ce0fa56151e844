"""Everything that is published about the frames of one camera."""

from __future__ import annotations

import threading

from rclpy.node import Node

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
from vit_perception.nodes.settings import Settings
from vit_perception.runtime.results import Perception
from vit_perception.runtime.task_models import TaskModels
from vit_perception.tasks import ATTENTION, CLASSIFICATION, DEPTH, DETECTION, NAVIGATION, SEGMENTATION


class CameraOutputs:
    """An output for each task, the labels, and the overlay where it is wanted.

    Args:
        prefix: before every topic, with its slash.
    """

    def __init__(self, node: Node, panel: TaskModels, prefix: str) -> None:
        makers = {
            CLASSIFICATION: lambda: ClassificationOutput(node, prefix),
            DETECTION: lambda: DetectionOutput(node, prefix),
            SEGMENTATION: lambda: SegmentationOutput(node, prefix, panel.card(SEGMENTATION)),
            NAVIGATION: lambda: NavigationOutput(node, prefix, panel.card(NAVIGATION)),
            DEPTH: lambda: DepthOutput(node, prefix, panel.card(DEPTH)),
            ATTENTION: lambda: AttentionOutput(node, prefix),
        }
        # Attention has an overlay of its own, and would hide the rest.
        drawn = tuple(task for task in panel.tasks if task != ATTENTION)
        self._make_overlay = lambda: OverlayOutput(node, prefix, panel, drawn)
        self._outputs: list[Output] = [makers[task]() for task in panel.tasks]
        if DETECTION in panel.tasks and DEPTH in panel.tasks and panel.card(DEPTH).decoding.depth.metric:
            self._outputs.append(Detection3DOutput(node, prefix))
        self._labels = Labels(node, prefix, panel)
        self._overlay: OverlayOutput | None = None
        # `apply` is the executor's, the rest the worker's.
        self._overlay_lock = threading.Lock()

    def apply(self, settings: Settings) -> None:
        """Advertise the overlay, or no longer."""
        with self._overlay_lock:
            if settings.overlay and self._overlay is None:
                self._overlay = self._make_overlay()
            elif not settings.overlay and self._overlay is not None:
                self._overlay.destroy()
                self._overlay = None

    def announce(self, settings: Settings) -> None:
        """Publish the labels, if they were not yet, or they or their threshold are others now."""
        self._labels.announce(settings)

    def heard_tasks(self) -> set[str]:
        """What the listeners there are need to have computed."""
        with self._overlay_lock:
            outputs = [*self._outputs, *([self._overlay] if self._overlay else [])]
            return {task for output in outputs if output.is_heard for task in output.tasks}

    def publish(self, perception: Perception, frame: Frame) -> None:
        for output in self._outputs:
            output.publish(perception, frame)
        with self._overlay_lock:
            if self._overlay is not None:
                self._overlay.publish(perception, frame)

    def destroy(self) -> None:
        self._labels.destroy()
        for output in (*self._outputs, *([self._overlay] if self._overlay else [])):
            output.destroy()
