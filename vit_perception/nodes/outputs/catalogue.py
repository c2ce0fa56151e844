"""Which outputs a node has for its tasks and its model."""

from __future__ import annotations

from collections.abc import Iterable

from rclpy.node import Node

from vit_perception.nodes.outputs.attention import AttentionOutput
from vit_perception.nodes.outputs.classification import ClassificationOutput
from vit_perception.nodes.outputs.detection import DetectionOutput
from vit_perception.nodes.outputs.navigation import NavigationOutput
from vit_perception.nodes.outputs.output import Output
from vit_perception.nodes.outputs.segmentation import SegmentationOutput
from vit_perception.runtime.card import Card
from vit_perception.tasks import ATTENTION, CLASSIFICATION, DETECTION, NAVIGATION, SEGMENTATION


def make_outputs(node: Node, card: Card, tasks: Iterable[str]) -> list[Output]:
    """An output for each of `tasks`."""
    makers = {
        CLASSIFICATION: lambda: ClassificationOutput(node),
        DETECTION: lambda: DetectionOutput(node),
        SEGMENTATION: lambda: SegmentationOutput(node),
        NAVIGATION: lambda: NavigationOutput(node, card),
        ATTENTION: lambda: AttentionOutput(node),
    }
    return [makers[task]() for task in tasks]
