"""What happens to frames: decoded, looked at, published. Runs on the worker's thread."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from vit_perception.nodes.images.codec import ImageError
from vit_perception.nodes.images.frame import Frame, read_frame
from vit_perception.nodes.latency_budget import FIXED_STEPS, STEPS, Effort, LatencyBudget
from vit_perception.nodes.outputs.camera_outputs import CameraOutputs
from vit_perception.nodes.parameters import Settings
from vit_perception.nodes.selection import selected
from vit_perception.nodes.statistics import Statistics
from vit_perception.runtime.predictor import INPUT_SCALES
from vit_perception.runtime.task_models import TaskModels

_LOG_SECONDS = 5.0
# With `fresh_only`, a frame that is older than this had to wait for the one before.
_FRESH_SECONDS = 0.005


@dataclass(frozen=True)
class Arrival:
    """A message of `camera` that came at `time`, of `time.monotonic`."""

    camera: str
    message: Image | CompressedImage
    time: float


@dataclass(frozen=True)
class _Wanted:
    """A decoded arrival, and the tasks that somebody listens to."""

    arrival: Arrival
    frame: Frame
    tasks: frozenset[str]


class Pipeline:
    """Models with the outputs of each camera. `process` is for one thread at a time, `apply` for any.

    cameras: their names; an output's topics are under its camera's.
    """

    def __init__(
        self,
        node: Node,
        panel: TaskModels,
        statistics: Statistics,
        settings: Settings,
        cameras: Iterable[str] = ("",),
    ) -> None:
        self.panel = panel
        self._steps = STEPS if panel.scalable else FIXED_STEPS
        self.budget = LatencyBudget(steps=self._steps)
        self._node = node
        self._statistics = statistics
        self._outputs = {name: CameraOutputs(node, panel, f"{name}/" if name else "") for name in cameras}
        self.apply(settings)

    def apply(self, settings: Settings) -> None:
        """Work by these settings from the next frame on."""
        self._settings = settings
        self.budget.limit(settings.max_latency_ms)
        for outputs in self._outputs.values():
            outputs.apply(settings)

    def warm_up(self) -> None:
        """Compile for what can come, so that no frame waits for it: every batch, every step of the budget.

        Of the cards' input sizes only the first, for cameras of 4:3, since most users have one camera;
        another shape is compiled when its first frame comes.
        """
        steps = self._steps if self._settings.max_latency_ms else self._steps[:1]
        for scale in {self._input_scale(step) for step in steps}:
            for count in range(1, len(self._outputs) + 1):
                self.panel.warm_up(scale, count)

    def _input_scale(self, effort: Effort) -> float:
        """The user's, as far as the effort goes, but no less than what the predictor takes."""
        return max(effort.input_scale * self._settings.input_scale, INPUT_SCALES[0])

    def announce(self) -> None:
        """Publish the labels, if they were not yet or their threshold is another now."""
        for outputs in self._outputs.values():
            outputs.publish_labels(self._settings)

    def process(self, arrivals: list[Arrival]) -> None:
        """Answer frames that are there together. Never raises: what goes wrong is counted, logged and on
        /diagnostics."""
        effort = self.budget.effort
        if effort.fresh_only:
            now = time.monotonic()
            fresh = [arrival for arrival in arrivals if now - arrival.time < _FRESH_SECONDS]
            self._statistics.dropped(len(arrivals) - len(fresh))
            arrivals = fresh
        start = time.perf_counter()
        wanted = [each for arrival in arrivals if (each := self._read(arrival)) is not None]
        if not wanted:
            return
        try:
            self._answer(wanted, self._input_scale(effort), start)
        except Exception as error:
            self._fail(error, len(wanted))

    def destroy(self) -> None:
        for outputs in self._outputs.values():
            outputs.destroy()

    def _read(self, arrival: Arrival) -> _Wanted | None:
        """The frame, if anybody wants to know about it and it can be read."""
        subscribed = self._outputs[arrival.camera].subscribed_tasks()
        tasks = frozenset(task for task in self._settings.tasks if task in subscribed)
        if not tasks:
            return None
        try:
            return _Wanted(arrival, read_frame(arrival.message), tasks)
        except Exception as error:
            self._fail(error)
            return None

    def _answer(self, wanted: list[_Wanted], scale: float, start: float) -> None:
        settings = self._settings
        decoded = time.perf_counter()
        perceptions = self.panel.batch(
            [each.frame.pixels for each in wanted],
            [each.frame.order for each in wanted],
            frozenset[str]().union(*(each.tasks for each in wanted)),
            settings.thresholds,
            scale,
            settings.map_scale,
        )
        share = 1e3 / len(wanted)
        begin = time.perf_counter()
        for each, perception in zip(wanted, perceptions, strict=True):
            self._outputs[each.arrival.camera].publish(selected(perception, settings), each.frame)
            published = time.perf_counter()
            milliseconds = 1e3 * (time.monotonic() - each.arrival.time)
            if change := self.budget.observe(milliseconds, time.monotonic()):
                self._node.get_logger().warning(change)
            self._statistics.processed(
                {
                    "image": share * (decoded - start),
                    **perception.stage_ms,
                    "publish": 1e3 * (published - begin),
                    "total": share * (begin - start) + 1e3 * (published - begin),
                    "response": milliseconds,
                    "latency": self._since(each.frame),
                }
            )
            begin = published

    def _fail(self, error: Exception, frames: int = 1) -> None:
        if not self._node.context.ok():
            return  # we are being shut down, and nothing can be published any more
        known = isinstance(error, ImageError)
        text = str(error) if known else f"{type(error).__name__}: {error}"
        self._statistics.failed(text, frames)
        details = "" if known else f"\n{traceback.format_exc()}"
        self._node.get_logger().error(f"a frame failed: {text}{details}", throttle_duration_sec=_LOG_SECONDS)

    def _since(self, frame: Frame) -> float:
        """Milliseconds since the frame's stamp, by the node's clock."""
        stamp = frame.header.stamp
        return self._node.get_clock().now().nanoseconds / 1e6 - (stamp.sec * 1e3 + stamp.nanosec / 1e6)
