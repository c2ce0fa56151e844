"""What happens to a frame: decoded, looked at, published. Runs on the worker's thread."""

from __future__ import annotations

import threading
import time
import traceback

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from vit_perception.nodes.frame import Frame, read_frame
from vit_perception.nodes.image_codec import ImageError
from vit_perception.nodes.outputs.catalogue import make_outputs
from vit_perception.nodes.outputs.labels import Labels
from vit_perception.nodes.outputs.output import Output
from vit_perception.nodes.outputs.overlay import OverlayOutput
from vit_perception.nodes.parameters import Settings
from vit_perception.nodes.selection import selected
from vit_perception.nodes.statistics import Statistics
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.results import Perception
from vit_perception.tasks import ATTENTION

_LOG_SECONDS = 5.0


class Pipeline:
    """A model with its outputs. `process` is for one thread at a time, `apply` for any."""

    def __init__(self, node: Node, predictor: Predictor, statistics: Statistics, settings: Settings) -> None:
        self._node = node
        self._predictor = predictor
        self._statistics = statistics
        self._trained = tuple(task for task in predictor.tasks if task in predictor.card.tasks)
        self._outputs = make_outputs(node, predictor.card, self._trained)
        self._labels = Labels(node, predictor.card, self._trained)
        self._overlay: OverlayOutput | None = None
        self._overlay_lock = threading.Lock()
        self.apply(settings)

    @property
    def predictor(self) -> Predictor:
        return self._predictor

    def apply(self, settings: Settings) -> None:
        """Work by these settings from the next frame on."""
        self._settings = settings
        with self._overlay_lock:
            if settings.overlay and self._overlay is None:
                # Attention has an overlay of its own, and would hide the rest.
                drawn = tuple(task for task in self._trained if task != ATTENTION)
                self._overlay = OverlayOutput(self._node, self._predictor.card, drawn)
            elif not settings.overlay and self._overlay is not None:
                self._overlay.destroy()
                self._overlay = None

    def announce(self) -> None:
        """Publish the labels, if they were not yet or their threshold is another now."""
        self._labels.announce(self._settings)

    def process(self, message: Image | CompressedImage) -> None:
        """Answer one frame. Never raises: what goes wrong is counted, logged and on /diagnostics."""
        try:
            self._answer(message)
        except Exception as error:
            if not self._node.context.ok():
                return  # we are being shut down, and nothing can be published any more
            known = isinstance(error, ImageError)
            text = str(error) if known else f"{type(error).__name__}: {error}"
            self._statistics.failed(text)
            details = "" if known else f"\n{traceback.format_exc()}"
            self._node.get_logger().error(
                f"a frame failed: {text}{details}", throttle_duration_sec=_LOG_SECONDS
            )

    def destroy(self) -> None:
        self._labels.destroy()
        for output in (*self._outputs, *([self._overlay] if self._overlay else [])):
            output.destroy()

    def _answer(self, message: Image | CompressedImage) -> None:
        settings = self._settings
        wanted = {task for output in self._heard_outputs() for task in output.tasks}
        tasks = tuple(task for task in settings.tasks if task in wanted)
        if not tasks:
            return
        start = time.perf_counter()
        frame = read_frame(message)
        decoded = time.perf_counter()
        perception = selected(
            self._predictor(frame.pixels, frame.order, tasks, settings.thresholds), settings
        )
        predicted = time.perf_counter()
        self._publish(perception, frame)
        published = time.perf_counter()
        self._statistics.processed(
            {
                "image": 1e3 * (decoded - start),
                **perception.stage_ms,
                "publish": 1e3 * (published - predicted),
                "total": 1e3 * (published - start),
                "latency": self._since(frame),
            }
        )

    def _publish(self, perception: Perception, frame: Frame) -> None:
        for output in self._outputs:
            output.publish(perception, frame)
        with self._overlay_lock:
            if self._overlay is not None:
                self._overlay.publish(perception, frame)

    def _heard_outputs(self) -> list[Output]:
        with self._overlay_lock:
            outputs = [*self._outputs, *([self._overlay] if self._overlay else [])]
            return [output for output in outputs if output.is_heard]

    def _since(self, frame: Frame) -> float:
        """Milliseconds since the frame's stamp, by the node's clock."""
        stamp = frame.header.stamp
        return self._node.get_clock().now().nanoseconds / 1e6 - (stamp.sec * 1e3 + stamp.nanosec / 1e6)
