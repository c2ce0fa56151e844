"""`label_info` and the like: what the class ids mean, latched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.publisher import Publisher
from std_msgs.msg import Header
from vision_msgs.msg import LabelInfo, VisionClass

from vit_perception.nodes.outputs.output import LATCHED
from vit_perception.nodes.settings import Settings
from vit_perception.runtime.task_models import TaskModels
from vit_perception.tasks import CLASSIFICATION, DETECTION, SEGMENTATION

LABEL_INFO = "label_info"


@dataclass
class _Topic:
    """The labels of one model. tasks: whose answers they explain; said: what was published last."""

    publisher: Publisher
    tasks: Sequence[str]
    said: tuple[tuple[str, ...], float] | None = None


class Labels:
    """Publishes the labels beside the topics that they explain; again when they, or their threshold, change.

    One `label_info` for detections and classification; where two models answer these, classification has
    `classification/label_info`.
    """

    def __init__(self, node: Node, prefix: str, panel: TaskModels) -> None:
        self._node = node
        self._panel = panel
        self._topics = [
            _Topic(node.create_publisher(LabelInfo, f"{prefix}{name}", LATCHED), tasks)
            for name, tasks in _topics(panel).items()
        ]

    def announce(self, settings: Settings) -> None:
        for topic in self._topics:
            labels = self._panel.card(topic.tasks[0]).labels
            # Every pixel gets a class; scores of the others are reported from the lower threshold on.
            least = settings.request.thresholds
            thresholds = [least[task] for task in topic.tasks if task in least]
            said = (labels, min(thresholds, default=0.0))
            if topic.said != said:
                topic.said = said
                header = Header(stamp=self._node.get_clock().now().to_msg())
                classes = [
                    VisionClass(class_id=class_id, class_name=name) for class_id, name in enumerate(labels)
                ]
                topic.publisher.publish(LabelInfo(header=header, class_map=classes, threshold=said[1]))

    def destroy(self) -> None:
        for topic in self._topics:
            self._node.destroy_publisher(topic.publisher)


def _topics(panel: TaskModels) -> dict[str, tuple[str, ...]]:
    """Tasks by the topic that has their labels."""
    found: dict[str, tuple[str, ...]] = {}
    objects = tuple(task for task in (DETECTION, CLASSIFICATION) if task in panel.tasks)
    if len(objects) == 2 and panel.card(DETECTION) != panel.card(CLASSIFICATION):
        found = {LABEL_INFO: (DETECTION,), f"{CLASSIFICATION}/{LABEL_INFO}": (CLASSIFICATION,)}
    elif objects:
        found = {LABEL_INFO: objects}
    if SEGMENTATION in panel.tasks:
        found[f"{SEGMENTATION}/{LABEL_INFO}"] = (SEGMENTATION,)
    return found
