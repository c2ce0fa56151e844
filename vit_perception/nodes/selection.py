"""What of a perception the parameters let through."""

from __future__ import annotations

import dataclasses

import numpy as np

from vit_perception.nodes.parameters import Settings
from vit_perception.runtime.results import Classification, Detection, Perception
from vit_perception.tasks import CLASSIFICATION


def selected(perception: Perception, settings: Settings) -> Perception:
    """Without classes under the threshold and detections of classes that were not asked for."""
    return dataclasses.replace(
        perception,
        classification=_over(perception.classification, settings.thresholds.get(CLASSIFICATION, 0.0)),
        detection=_of(perception.detection, settings.detection_classes),
    )


def _over(answer: Classification | None, threshold: float) -> Classification | None:
    if answer is None:
        return None
    keep = answer.scores >= threshold
    return Classification(answer.class_ids[keep], answer.scores[keep])


def _of(answer: Detection | None, class_ids: frozenset[int] | None) -> Detection | None:
    if answer is None or class_ids is None:
        return answer
    keep = np.isin(answer.class_ids, sorted(class_ids))
    return Detection(answer.boxes[keep], answer.class_ids[keep], answer.scores[keep])
