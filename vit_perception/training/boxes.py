"""Which answers of a detector found an object."""

from __future__ import annotations

import numpy as np

from vit_perception.runtime.overlap import overlaps
from vit_perception.runtime.results import Detection
from vit_perception.training.examples import Example

_SAME = 0.5  # intersection over union from which a box has found an object
_MOSTLY = 0.5  # share of a box in an ignored one from which it does not count


def match_boxes(found: Detection, example: Example) -> tuple[np.ndarray, np.ndarray]:
    """Scores (N,) float32 of the answers that can be judged, and which are right, (N,) bool.

    Best first, an answer is right if an object of its class that is still free overlaps it enough. Classes
    that the boxes of the picture do not know, and what lies in ignored boxes, are left out.

    Args:
        found: the answers, best first.
        example: the truth.
    """
    annotation = example.annotation
    free = np.ones(len(annotation.boxes), bool)
    scores, right = [], []
    for box, class_id, score in zip(found.boxes, found.class_ids, found.scores, strict=True):
        if class_id not in example.known.boxes or _ignored(box, class_id, example):
            continue
        same = np.flatnonzero(free & (annotation.class_ids == class_id))
        overlap = overlaps(box[None], annotation.boxes[same])[0] if len(same) else np.zeros(0)
        hit = len(same) > 0 and overlap.max() >= _SAME
        if hit:
            free[same[overlap.argmax()]] = False
        scores.append(score)
        right.append(hit)
    return np.array(scores, np.float32), np.array(right, bool)


def _ignored(box: np.ndarray, class_id: int, example: Example) -> bool:
    """Whether a box mostly lies in an ignored box of its class."""
    annotation = example.annotation
    mine = (annotation.ignored_ids == class_id) | (annotation.ignored_ids < 0)
    boxes = annotation.ignored_boxes[mine]
    shared = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    area = float((box[2:] - box[:2]).prod())
    return bool((shared.clip(0).prod(axis=1) > _MOSTLY * area).any())
