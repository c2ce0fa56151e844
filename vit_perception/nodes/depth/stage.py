"""Publishes in metres on a thread of its own: depth that is late, or wrong, delays no other answer."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass

from rclpy.node import Node

from vit_perception.nodes.camera_names import by_camera
from vit_perception.nodes.depth.space import Space
from vit_perception.nodes.frame_queue import FrameQueue, FrameWorker
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.space_outputs import SpaceOutputs
from vit_perception.nodes.settings import Settings
from vit_perception.runtime.results import Perception
from vit_perception.runtime.task_models import TaskModels

_LOG_SECONDS = 5.0


@dataclass(frozen=True)
class _Answered:
    camera: str
    perception: Perception
    frame: Frame


class SpaceStage:
    """Works between `activate` and `deactivate`. A newer frame of a camera takes the place of one that waits.

    Args:
        node: that publishes and subscribes.
        models: one for each task.
        cameras: topic by name.
        settings: at first.
    """

    def __init__(
        self, node: Node, models: TaskModels, cameras: Mapping[str, str], settings: Settings
    ) -> None:
        self._node = node
        self._outputs = {
            name: SpaceOutputs(node, models, name, topic, settings) for name, topic in cameras.items()
        }
        self._queue: FrameQueue[_Answered] | None = None
        self._worker: FrameWorker[_Answered] | None = None
        self._failure = ""

    @property
    def spaces(self) -> dict[str, Space]:
        """Depth and intrinsics by camera."""
        return {name: outputs.space for name, outputs in self._outputs.items()}

    def apply(self, settings: Settings) -> None:
        """Use these settings from the next frame on."""
        for outputs in self._outputs.values():
            outputs.apply(settings)

    def activate(self) -> None:
        self._queue = FrameQueue()
        self._worker = FrameWorker(self._queue, self._process)
        self._failure = ""

    def deactivate(self) -> None:
        if self._worker is not None:
            self._worker.stop(self._interrupt)
            self._worker = self._queue = None
        for outputs in self._outputs.values():
            outputs.retire()

    def attend(self, depth: bool) -> None:
        """Subscribe to what the current subscribers need, and to depth if somebody else does."""
        for outputs in self._outputs.values():
            outputs.attend(depth)

    def subscribed_tasks(self, camera: str) -> set[str]:
        """The tasks that the current subscribers need."""
        return self._outputs[camera].subscribed_tasks()

    def put(self, camera: str, perception: Perception, frame: Frame) -> None:
        """Publish a frame's results soon, if somebody subscribes to them."""
        if self._queue is not None and self._outputs[camera].heard:
            self._queue.put(_Answered(camera, perception, frame), camera)

    @property
    def warnings(self) -> list[str]:
        """What is missing for what somebody subscribed to, and why the newest frame failed."""
        found = [warning for outputs in self._outputs.values() for warning in outputs.warnings]
        return [*found, f"results in metres failed: {self._failure}"] if self._failure else found

    @property
    def facts(self) -> dict[str, str]:
        """For /diagnostics: whether there is depth, while somebody wants it."""
        states = by_camera({name: space.depth.state for name, space in self.spaces.items()})
        return {"depth_image": states} if states else {}

    def destroy(self) -> None:
        for outputs in self._outputs.values():
            outputs.destroy()

    def _process(self, answered: list[_Answered]) -> None:
        for each in answered:
            try:
                self._outputs[each.camera].publish(each.perception, each.frame)
                self._failure = ""
            except Exception as error:  # costs these results, and nothing else
                if self._node.context.ok():
                    self._failure = f"{type(error).__name__}: {error}"
                    self._node.get_logger().error(
                        f"results in metres failed: {traceback.format_exc()}",
                        throttle_duration_sec=_LOG_SECONDS,
                    )

    def _interrupt(self) -> None:
        for outputs in self._outputs.values():
            outputs.space.depth.interrupt()
