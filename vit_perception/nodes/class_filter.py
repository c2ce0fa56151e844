"""The parameters `classification.classes` and `detection.classes`: results of other classes are left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from vit_perception.runtime.results import Classification, Detection, Perception
from vit_perception.tasks import CLASSIFICATION, DETECTION


def filter_classes(perception: Perception, classes: Mapping[str, frozenset[int]]) -> Perception:
    """The perception without results of other classes.

    Args:
        classes: class ids to keep, by task; all of a task that is missing.
    """
    classification, detection = perception.classification, perception.detection
    if classification is not None and CLASSIFICATION in classes:
        keep = np.isin(classification.class_ids, sorted(classes[CLASSIFICATION]))
        classification = Classification(classification.class_ids[keep], classification.scores[keep])
    if detection is not None and DETECTION in classes:
        detection = kept(detection, np.isin(detection.class_ids, sorted(classes[DETECTION])))
    return dataclasses.replace(perception, classification=classification, detection=detection)


def kept(found: Detection, keep: np.ndarray) -> Detection:
    """Those boxes, (N,) bool."""
    ids = None if found.instance_ids is None else found.instance_ids[keep]
    return Detection(found.boxes[keep], found.class_ids[keep], found.scores[keep], ids)
