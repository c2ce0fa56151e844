"""From received images to published results. Runs on the worker's thread."""

from __future__ import annotations

import dataclasses
import queue
import threading
import time
import traceback
from collections.abc import Mapping
from types import MappingProxyType

from rclpy.node import Node

from vit_perception.nodes.camera_images import DecodedImage, ReceivedImage
from vit_perception.nodes.camera_names import DEFAULT_TOPIC, by_camera
from vit_perception.nodes.class_filter import filter_classes
from vit_perception.nodes.depth.stage import SpaceStage
from vit_perception.nodes.faint_boxes import with_faint, without_faint
from vit_perception.nodes.images.codec import ImageError
from vit_perception.nodes.images.frame import Frame, read_frame
from vit_perception.nodes.latency_budget import FIXED_STEPS, STEPS, Effort, LatencyBudget
from vit_perception.nodes.model_facts import model_facts
from vit_perception.nodes.navigation.navigator import Navigator
from vit_perception.nodes.outputs.camera_outputs import CameraOutputs
from vit_perception.nodes.settings import Settings
from vit_perception.nodes.statistics import Statistics
from vit_perception.runtime.engines.compiled_shapes import Interrupted
from vit_perception.runtime.request import INPUT_SCALES
from vit_perception.runtime.task_models import TaskModels
from vit_perception.tasks import NAVIGATION

_LOG_SECONDS = 5.0


class Pipeline:
    """The models, and the outputs of each camera. One thread may call `process`, any other `apply`.

    Args:
        node: publishes.
        models: compute the results.
        statistics: count the frames.
        settings: at first; `apply` changes them.
        cameras: topic by name, which comes before those of the output topics.

    Attributes:
        models: as given.
        budget: chooses the effort for `max_latency_ms`.
        navigator: what a navigator among the models needs beside images; None without one.
    """

    def __init__(
        self,
        node: Node,
        models: TaskModels,
        statistics: Statistics,
        settings: Settings,
        cameras: Mapping[str, str] = MappingProxyType({"": DEFAULT_TOPIC}),
    ) -> None:
        self.models = models
        self.budget = LatencyBudget(steps=STEPS if models.scalable else FIXED_STEPS)
        # What the worker does, and since when, for `work`.
        self._step: tuple[str, float] | None = None
        self._node = node
        self._statistics = statistics
        self._space = SpaceStage(node, models, cameras, settings)
        self._outputs = {
            name: CameraOutputs(node, models, name, space.intrinsics)
            for name, space in self._space.spaces.items()
        }
        self.navigator = (
            None if models.navigator is None else Navigator(node, models, self._space.spaces, settings)
        )
        self._settings = settings
        # Held while a frame is processed, whose results have the labels of one vocabulary.
        self._frame = threading.Lock()
        self._changes: queue.SimpleQueue[tuple[Settings, bool]] = queue.SimpleQueue()
        self.apply(settings, announce=False)

    def apply(self, settings: Settings, announce: bool = True) -> None:
        """Use these settings from the next frame on. Called by the executor's thread.

        Args:
            announce: whether to publish labels that change by it, when the last frame with the old is out.
        """
        self.budget.limit(settings.max_latency_ms)
        for outputs in self._outputs.values():
            outputs.apply(settings)
        self._space.apply(settings)
        if self.navigator is not None:
            self.navigator.apply(settings)
        self._changes.put((settings, announce))
        self._change()

    def activate(self) -> None:
        """Begin to work. Called by the executor's thread, as the next two are."""
        self.publish_labels()
        self._space.activate()
        if self.navigator is not None:
            self.navigator.activate()

    def attend(self) -> None:
        """Subscribe to what is needed beside images, and to nothing else."""
        for outputs in self._outputs.values():
            outputs.attend()
        self._space.attend(depth=self.navigator is not None and self.navigator.takes_depth)

    def deactivate(self) -> None:
        """End, when no image is processed any more."""
        for outputs in self._outputs.values():
            outputs.retire()
        self._space.deactivate()
        if self.navigator is not None:
            self.navigator.deactivate()

    def _change(self) -> None:
        """Take over settings that were applied; while a frame is processed, whoever does that calls again."""
        while not self._changes.empty() and self._frame.acquire(blocking=False):
            try:
                self._settings, announce = self._changes.get()
                if self._settings.prompts not in ((), self.models.prompts):
                    self.models.set_prompts(self._settings.prompts)
                if announce:
                    self.publish_labels()
            finally:
                self._frame.release()

    def _input_scale(self, effort: Effort) -> float:
        """The parameter `input_scale`, reduced by the effort within the limits of a request."""
        return max(effort.input_scale * self._settings.request.input_scale, INPUT_SCALES[0])

    def publish_labels(self) -> None:
        """Publish the labels whose names or threshold have changed since they were published."""
        for outputs in self._outputs.values():
            outputs.publish_labels(self._settings)

    def process(self, images: list[ReceivedImage]) -> None:
        """Compute and publish the results for images that wait at the same time.

        Never raises: an error is counted, logged and reported on /diagnostics.
        """
        with self._frame:
            self._process(images)
        self._change()

    def _process(self, images: list[ReceivedImage]) -> None:
        effort = self.budget.effort
        start = time.perf_counter()
        self._begin("an image is being decoded")
        decoded = [each for image in images if (each := self._decode(image)) is not None]
        try:
            if decoded:
                self._compute(decoded, self._input_scale(effort), start)
        except Interrupted:
            return  # the node is deactivated
        except Exception as error:
            self._fail(error, len(decoded))
        finally:
            self._step = None

    def relax(self) -> None:
        """Take back effort that the latency budget saves, if no frame has come for a while."""
        if change := self.budget.relax(time.monotonic()):
            self._node.get_logger().info(change)

    @property
    def work(self) -> str:
        """What the worker does with the frames it took, and for how long; empty if they are done."""
        if (step := self._step) is None:
            return ""
        name, begin = step
        if compiling := self.models.compiling:
            name = f"model {', '.join(compiling)} is being compiled for an input of a new size"
        return f"{name}, for {time.monotonic() - begin:.0f} s now"

    def _begin(self, step: str) -> None:
        self._step = (step, time.monotonic())

    def wanted(self, camera: str) -> bool:
        """Whether somebody subscribed to results of enabled tasks, for this camera."""
        return bool(self._wanted_tasks(camera))

    def _wanted_tasks(self, camera: str) -> frozenset[str]:
        subscribed = self._outputs[camera].subscribed_tasks() | self._space.subscribed_tasks(camera)
        if self.navigator is not None and self.navigator.drives:
            subscribed.add(NAVIGATION)
        return frozenset(task for task in self._settings.request.tasks or () if task in subscribed)

    @property
    def warnings(self) -> list[str]:
        """What outputs lack to publish what somebody subscribed to, and what a navigator does."""
        found = self._space.warnings
        found += filter(None, [outputs.motion.warning for outputs in self._outputs.values()])
        return found if self.navigator is None else [*found, *self.navigator.warnings()]

    @property
    def facts(self) -> dict[str, str]:
        """For /diagnostics: the models and how they run, and what a navigator knows."""
        facts = model_facts(self.models)
        if state := self.budget.state:
            facts["latency_budget"] = state
        facts |= self._space.facts
        motions = {name: outputs.motion.state for name, outputs in self._outputs.items()}
        if motion := by_camera(motions):
            facts["camera_motion"] = motion
        return facts if self.navigator is None else facts | self.navigator.facts()

    def destroy(self) -> None:
        for outputs in self._outputs.values():
            outputs.destroy()
        self._space.destroy()
        if self.navigator is not None:
            self.navigator.destroy()

    def _decode(self, image: ReceivedImage) -> DecodedImage | None:
        """The image's pixels; None if nobody subscribed to its results, or it cannot be decoded."""
        try:
            tasks = self._wanted_tasks(image.camera)
            if not tasks:
                self._statistics.unsubscribed()
                return None
            frame = read_frame(image.message, self._settings.max_megapixels)
            return DecodedImage(image, frame, tasks)
        except Exception as error:
            self._fail(error)
            return None

    def _compute(self, images: list[DecodedImage], input_scale: float, start: float) -> None:
        settings = self._settings
        tasks = frozenset[str]().union(*(image.tasks for image in images))
        navigation = None
        if self.navigator is not None and NAVIGATION in tasks:
            self._begin("depth is awaited")
            navigation = [self.navigator.inputs(each.received.camera, each.frame) for each in images]
        decoded = time.perf_counter()
        self._begin("the models are computing")
        request = dataclasses.replace(settings.request, tasks=tuple(tasks), input_scale=input_scale)
        if any(self._outputs[image.received.camera].tracks for image in images):
            request = with_faint(request)
        perceptions = self.models.batch(
            [image.frame.pixels for image in images],
            [image.frame.order for image in images],
            request,
            navigation,
        )
        share = 1e3 / len(images)
        changing = self.models.changing
        self._begin("results are being published")
        begin = time.perf_counter()
        for image, perception in zip(images, perceptions, strict=True):
            if self.navigator is not None:  # before all else: a robot waits for it
                known = self.navigator.answered(image.received.camera, image.frame, perception.navigation)
                perception = dataclasses.replace(perception, navigation=known)
            camera, found = image.received.camera, filter_classes(perception, settings.classes)
            self._outputs[camera].publish_tracks(found, image.frame)
            found = without_faint(found, settings.request)
            self._outputs[camera].publish(found, image.frame)
            self._space.put(camera, found, image.frame)
            published = time.perf_counter()
            milliseconds = 1e3 * (time.monotonic() - image.received.time)
            # A frame at another effort says nothing about the one that was chosen.
            change = "" if changing else self.budget.observe(milliseconds, time.monotonic())
            if change:
                self._node.get_logger().warning(change)
            self._statistics.processed(
                {
                    "image": share * (decoded - start),
                    **perception.stage_ms,
                    "publish": 1e3 * (published - begin),
                    "total": share * (begin - start) + 1e3 * (published - begin),
                    "response": milliseconds,
                    "latency": self._age_ms(image.frame),
                }
            )
            begin = published

    def _fail(self, error: Exception, frames: int = 1) -> None:
        if not self._node.context.ok():
            return  # during shutdown nothing can be published any more
        known = isinstance(error, ImageError)
        text = str(error) if known else f"{type(error).__name__}: {error}"
        self._statistics.failed(text, frames)
        details = "" if known else f"\n{traceback.format_exc()}"
        self._node.get_logger().error(f"a frame failed: {text}{details}", throttle_duration_sec=_LOG_SECONDS)

    def _age_ms(self, frame: Frame) -> float:
        """Milliseconds since the frame's stamp, by the node's clock."""
        stamp = frame.header.stamp
        return self._node.get_clock().now().nanoseconds / 1e6 - (stamp.sec * 1e3 + stamp.nanosec / 1e6)
