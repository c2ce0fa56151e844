"""`label_info` and `segmentation/label_info`: what the class ids mean, latched."""

from __future__ import annotations

from collections.abc import Iterable

from rclpy.node import Node
from std_msgs.msg import Header
from vision_msgs.msg import LabelInfo, VisionClass

from vit_perception.nodes.outputs.output import LATCHED
from vit_perception.nodes.parameters import Settings
from vit_perception.runtime.card import Card
from vit_perception.tasks import CLASSIFICATION, DETECTION, SEGMENTATION


class Labels:
    """Publishes the labels beside the topics of `tasks`; again when the threshold on them changes."""

    def __init__(self, node: Node, prefix: str, card: Card, tasks: Iterable[str]) -> None:
        self._node = node
        self._classes = [
            VisionClass(class_id=class_id, class_name=name) for class_id, name in enumerate(card.labels)
        ]
        topics = {CLASSIFICATION: "label_info", DETECTION: "label_info"}
        topics[SEGMENTATION] = "segmentation/label_info"
        self._publishers = {
            topic: node.create_publisher(LabelInfo, f"{prefix}{topic}", LATCHED)
            for topic in dict.fromkeys(topics[task] for task in tasks if task in topics)
        }
        self._said: dict[str, float] = {}

    def announce(self, settings: Settings) -> None:
        for topic, publisher in self._publishers.items():
            # Every pixel gets a class; scores of the others are reported from the lower threshold on.
            threshold = min(settings.thresholds.values(), default=0.0) if topic == "label_info" else 0.0
            if self._said.get(topic) != threshold:
                self._said[topic] = threshold
                header = Header(stamp=self._node.get_clock().now().to_msg())
                publisher.publish(LabelInfo(header=header, class_map=self._classes, threshold=threshold))

    def destroy(self) -> None:
        for publisher in self._publishers.values():
            self._node.destroy_publisher(publisher)
