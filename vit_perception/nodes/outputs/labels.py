"""`label_info` and its like: the name of each class id, latched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.publisher import Publisher
from std_msgs.msg import Header
from vision_msgs.msg import LabelInfo, VisionClass

from vit_perception.nodes.outputs.navigation import navigation_labels
from vit_perception.nodes.outputs.topics import TOPICS
from vit_perception.nodes.qos import qos_profile
from vit_perception.nodes.settings import Settings
from vit_perception.runtime.task_models import TaskModels
from vit_perception.tasks import CLASSIFICATION, DETECTION, NAVIGATION, SEGMENTATION


@dataclass
class _LabelTopic:
    """The labels of one model.

    Attributes:
        publisher: latched.
        tasks: those whose results have these labels.
        published: the labels and the threshold of the last message; None before the first.
    """

    publisher: Publisher
    tasks: Sequence[str]
    published: tuple[tuple[str, ...], float] | None = None


class Labels:
    """Publishes the labels beside the results, and again whenever they or their threshold change.

    `label_info` serves detections and classification; where these have different models, classification has
    `classification/label_info`.
    """

    def __init__(self, node: Node, prefix: str, models: TaskModels) -> None:
        self._node = node
        self._models = models
        self._topics = [
            _LabelTopic(
                node.create_publisher(LabelInfo, f"{prefix}{name}", qos_profile(TOPICS[name].qos)), tasks
            )
            for name, tasks in _tasks_by_topic(models).items()
        ]

    def publish(self, settings: Settings) -> None:
        """Publish what has changed since the last call."""
        for topic in self._topics:
            card = self._models.card(topic.tasks[0])
            labels = navigation_labels(card) if topic.tasks == (NAVIGATION,) else card.labels
            # Every pixel gets a class, and every action a score; of the other tasks, scores from the lower
            # threshold on are published.
            least = settings.request.thresholds
            thresholds = [least[task] for task in topic.tasks if task in least]
            current = (labels, min(thresholds, default=0.0))
            if topic.published != current:
                topic.published = current
                header = Header(stamp=self._node.get_clock().now().to_msg())
                classes = [
                    VisionClass(class_id=class_id, class_name=name) for class_id, name in enumerate(labels)
                ]
                topic.publisher.publish(LabelInfo(header=header, class_map=classes, threshold=current[1]))

    def destroy(self) -> None:
        for topic in self._topics:
            self._node.destroy_publisher(topic.publisher)


def _tasks_by_topic(models: TaskModels) -> dict[str, tuple[str, ...]]:
    """Topic name → the tasks whose results have the labels on it."""
    found: dict[str, tuple[str, ...]] = {}
    objects = tuple(task for task in (DETECTION, CLASSIFICATION) if task in models.tasks)
    if len(objects) == 2 and models.card(DETECTION) != models.card(CLASSIFICATION):
        found = {"label_info": (DETECTION,), "classification/label_info": (CLASSIFICATION,)}
    elif objects:
        found = {"label_info": objects}
    if SEGMENTATION in models.tasks:
        found["segmentation/label_info"] = (SEGMENTATION,)
    if NAVIGATION in models.tasks:
        found["navigation/label_info"] = (NAVIGATION,)
    return found
