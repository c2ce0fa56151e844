"""What of a perception the parameters let through."""

from __future__ import annotations

import dataclasses

import numpy as np

from vit_perception.nodes.parameters import Settings
from vit_perception.runtime.results import Classification, Detection, Perception
from vit_perception.tasks import CLASSIFICATION, DETECTION


def selected(perception: Perception, settings: Settings) -> Perception:
    """Without classes under the threshold, and classes and detections that were not asked for."""
    classification, detection = perception.classification, perception.detection
    if classification is not None:
        keep = classification.scores >= settings.thresholds.get(CLASSIFICATION, 0.0)
        if (wanted := settings.classes.get(CLASSIFICATION)) is not None:
            keep &= np.isin(classification.class_ids, sorted(wanted))
        classification = Classification(classification.class_ids[keep], classification.scores[keep])
    if detection is not None and (wanted := settings.classes.get(DETECTION)) is not None:
        detection = _taken(detection, np.isin(detection.class_ids, sorted(wanted)))
    return dataclasses.replace(perception, classification=classification, detection=detection)


def _taken(answer: Detection, keep: np.ndarray) -> Detection:
    ids = None if answer.instance_ids is None else answer.instance_ids[keep]
    return Detection(answer.boxes[keep], answer.class_ids[keep], answer.scores[keep], ids)
