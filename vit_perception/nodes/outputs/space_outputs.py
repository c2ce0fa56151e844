"""What is published in metres about the frames of one camera."""

from __future__ import annotations

from rclpy.node import Node

from vit_perception.nodes.depth.space import Space
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.outputs.detection_3d import Detection3DOutput
from vit_perception.nodes.outputs.points import PointsOutput
from vit_perception.nodes.outputs.space_output import SpaceOutput
from vit_perception.nodes.settings import Settings
from vit_perception.runtime.results import Perception
from vit_perception.runtime.task_models import TaskModels
from vit_perception.tasks import DEPTH, DETECTION, SEGMENTATION


class SpaceOutputs:
    """The outputs of those tasks that have one; nothing is published without depth and intrinsics.

    Args:
        node: that publishes and subscribes.
        models: one for each task.
        camera: its name, which comes before every topic name; empty: none does.
        topic: of its images.
        settings: at first.

    Attributes:
        space: depth and intrinsics.
    """

    def __init__(self, node: Node, models: TaskModels, camera: str, topic: str, settings: Settings) -> None:
        prefix = f"{camera}/" if camera else ""
        self.space = Space(node, camera, topic, settings.depth.transport)
        self._settings = settings
        self._outputs: list[SpaceOutput] = []
        if DETECTION in models.tasks:
            self._outputs.append(Detection3DOutput(node, prefix, models))
        if SEGMENTATION in models.tasks:
            self._outputs.append(PointsOutput(node, prefix))
        self._depth_model = DEPTH in models.tasks and models.card(DEPTH).decoding.depth.metric

    @property
    def heard(self) -> bool:
        """Whether somebody subscribes to any."""
        return any(output.heard for output in self._outputs)

    def apply(self, settings: Settings) -> None:
        """Use these settings from the next frame on."""
        self._settings = settings

    def attend(self, depth: bool) -> None:
        """Subscribe to what the current subscribers need, and to nothing else.

        Args:
            depth: whether somebody else needs depth.
        """
        heard = self.heard
        self.space.depth.attend(heard or depth)
        self.space.intrinsics.attend(self, heard or depth)

    def subscribed_tasks(self) -> set[str]:
        """The tasks that the current subscribers need; depth, while the depth camera gives none."""
        tasks = {task for output in self._outputs if output.heard for task in output.tasks}
        return tasks | {DEPTH} if tasks and self._depth_model and not self.space.depth.there else tasks

    def publish(self, perception: Perception, frame: Frame) -> None:
        """Publish the results for a frame. May wait for depth that is late."""
        view = self.space.view(perception, frame, self._settings)
        if view is not None:
            for output in self._outputs:
                if output.heard:
                    output.publish(perception, frame, view, self._settings)

    @property
    def warnings(self) -> list[str]:
        """What is missing for what somebody subscribed to."""
        names = ", ".join(output.name for output in self._outputs if output.heard)
        depth = self.space.depth
        if not names:
            return []
        found = []
        if trouble := self.space.intrinsics.trouble:
            found.append(f"{trouble}; until then there are no {names}")
        if depth.missing and not self._depth_model:
            found.append(f"no depth: {depth.missing}; until then there are no {names}")
        elif depth.lost:
            found.append(f"no depth: {depth.missing}; the depth model takes its place")
        return found

    def retire(self) -> None:
        """Unsubscribe from all."""
        self.space.depth.attend(False)
        self.space.intrinsics.attend(self, False)

    def destroy(self) -> None:
        self.retire()
        for output in self._outputs:
            output.destroy()
