"""The thresholds of a card: where precision and recall balance best."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.runtime.decode import decode
from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.request import Request
from vit_perception.tasks import CLASSIFICATION, DETECTION
from vit_perception.training.boxes import match_boxes
from vit_perception.training.examples import Example
from vit_perception.training.metrics import METRIC_THRESHOLDS, presence_of

# A model that finds nothing yet still gets a threshold that is not of noise.
_DEFAULT, _LEAST, _MOST = 0.5, 0.1, 0.9


def best_threshold(scores: np.ndarray, right: np.ndarray, objects: int) -> float:
    """The threshold with the highest F1.

    Args:
        scores: (N,) of answers, in 0..1.
        right: (N,) bool, whether each found something.
        objects: to be found.

    Returns:
        0.1 to 0.9, to two places; 0.5 where nothing is right.
    """
    if not right.any():
        return _DEFAULT
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order])
    f1 = 2 * hits / (np.arange(1, len(scores) + 1) + objects)
    best = float(scores[order[int(f1.argmax())]])
    return min(max(math.floor(best * 100) / 100, _LEAST), _MOST)


def choose_thresholds(
    card: Card, answers: Iterable[tuple[Example, Mapping[str, np.ndarray], Geometry]]
) -> dict[str, float]:
    """Thresholds of classification and detection, of those tasks that the card has.

    Args:
        card: with its temperatures.
        answers: pictures with their labels, raw outputs and geometry.
    """
    tasks = tuple(task for task in (CLASSIFICATION, DETECTION) if task in card.tasks)
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {task: [] for task in tasks}
    objects = dict.fromkeys(tasks, 0)
    for example, raw, geometry in answers:
        perception = decode(raw, geometry, card, Request(tasks, METRIC_THRESHOLDS))
        if perception.classification:
            present = presence_of(example, len(card.labels))
            scores = np.zeros(len(card.labels), np.float32)
            scores[perception.classification.class_ids] = perception.classification.scores
            known = ~np.isnan(present)
            found[CLASSIFICATION].append((scores[known], present[known] == 1))
            objects[CLASSIFICATION] += int((present == 1).sum())
        if perception.detection:
            scores, right = match_boxes(perception.detection, example)
            found[DETECTION].append((scores, right))
            objects[DETECTION] += int(
                np.isin(example.annotation.class_ids, list(example.known.boxes & set(card.things))).sum()
            )
    chosen = {}
    for task, pairs in found.items():
        scores, right = (np.concatenate(part) for part in zip(*pairs, strict=True))
        chosen[task] = best_threshold(scores, right, objects[task])
    return chosen
