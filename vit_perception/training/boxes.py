"""Which answers of a detector found an object."""

from __future__ import annotations

from collections.abc import Collection

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
    judged = _judged(found, example)
    owners, free = np.full(len(judged), -1), np.ones(len(example.annotation.boxes), bool)
    _match(found, example, judged, owners, free)
    return found.scores[judged].astype(np.float32), owners[judged] >= 0


def pair_boxes(found: Detection, example: Example, things: Collection[int]) -> tuple[np.ndarray, np.ndarray]:
    """Class ids of objects and of the answers to them, (P,) int64 each; -1: no object, or no answer.

    Answers first find objects of their class, as in `match_boxes`. Those that are left find, best first, the
    objects of other classes that are left. What cannot be judged is left out.

    Args:
        found: the answers, best first.
        example: the truth.
        things: class ids of what has boxes.
    """
    class_ids, judged = example.annotation.class_ids, _judged(found, example)
    owners = np.full(len(judged), -1)
    free = np.isin(class_ids, list(example.known.boxes.intersection(things)))
    _match(found, example, judged, owners, free)
    _match(found, example, judged & (owners < 0), owners, free, any_class=True)
    truth = np.append(class_ids, -1)[owners[judged]]
    missed = class_ids[free]
    return np.append(truth, missed), np.append(found.class_ids[judged], np.full(len(missed), -1))


def _judged(found: Detection, example: Example) -> np.ndarray:
    """(N,) bool: the answers of which the picture tells whether they are right."""
    return np.array(
        [
            class_id in example.known.boxes and not _ignored(box, class_id, example)
            for box, class_id in zip(found.boxes, found.class_ids, strict=True)
        ],
        bool,
    )


def _match(
    found: Detection,
    example: Example,
    asked: np.ndarray,
    owners: np.ndarray,
    free: np.ndarray,
    any_class: bool = False,
) -> None:
    """Let answers find, best first, the free object that they overlap most.

    Args:
        found: the answers, N.
        example: the truth, with M objects.
        asked: (N,) bool, the answers to look at.
        owners: (N,) gets the place of the object that an answer found.
        free: (M,) bool, the objects that nothing has found; changed.
        any_class: whether an object of another class counts.
    """
    annotation = example.annotation
    for place in np.flatnonzero(asked):
        same = free if any_class else free & (annotation.class_ids == found.class_ids[place])
        if not same.any():
            continue
        overlap = overlaps(found.boxes[place][None], annotation.boxes)[0] * same
        best = int(overlap.argmax())
        if overlap[best] >= _SAME:
            owners[place], free[best] = best, False


def _ignored(box: np.ndarray, class_id: int, example: Example) -> bool:
    """Whether a box mostly lies in an ignored box of its class."""
    annotation = example.annotation
    mine = (annotation.ignored_ids == class_id) | (annotation.ignored_ids < 0)
    boxes = annotation.ignored_boxes[mine]
    shared = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    area = float((box[2:] - box[:2]).prod())
    return bool((shared.clip(0).prod(axis=1) > _MOSTLY * area).any())
