"""The outputs `detection_boxes` and `detection_scores` → boxes in source pixels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.cards.rules import DetectionRule
from vit_perception.runtime.decode.activation import calibrated, sigmoid, softmax
from vit_perception.runtime.decode.segmentation import ClassProbabilities
from vit_perception.runtime.mask_agreement import agree
from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.results import Detection
from vit_perception.runtime.suppression import suppress

NMS_IOU = 0.5
MAX_DETECTIONS = 100
# Only the best go into NMS, whose time grows with the square of their number.
MAX_CANDIDATES = 1000
# A thinner box, in source pixels, is an artefact of clipping at the edge.
MIN_BOX_SIDE = 0.5
# By which a sigmoid in float32 may be off.
_ROUNDING = 1e-6


def detection(
    raw: Mapping[str, np.ndarray],
    mask: ClassProbabilities | None,
    geometry: Geometry,
    card: Card,
    threshold: float,
) -> Detection:
    """Boxes that reach the threshold, after non-maximum suppression by class where the card's rule is `grid`.

    Args:
        raw: `detection_boxes` (A, 4), in input pixels for a grid; `detection_scores` (A, T), logits.
        mask: of the segmentation, by which `mask_agreement` corrects the scores; None: none.
        geometry: of the frame.
        card: of the model.
        threshold: least score to report.
    """
    boxes, logits = raw["detection_boxes"], raw["detection_scores"]
    rule = card.decoding.detection
    if rule.kind != "grid":
        return _of_set(boxes, logits, rule, geometry, card, threshold)
    weight, temperature = card.mask_agreement, rule.temperature
    if temperature != 1.0:  # the same cut, in scores that are not calibrated yet
        threshold = float(calibrated(np.array([threshold]), 1 / temperature)[0])
    # The mask raises a score to score^(1 - weight) at most: a lower one cannot reach the threshold.
    cells, columns, candidates = _reaching(logits, threshold ** (1 / (1 - weight)))
    best = np.argsort(-candidates, kind="stable")[:MAX_CANDIDATES]
    cells, columns, candidates = cells[best], columns[best], candidates[best]
    if weight and mask is not None:
        things = {int(column): mask.of_class(card.things[column]) for column in np.unique(columns)}
        cell = geometry.input[1] / mask.total.shape[1]
        candidates = agree(candidates, columns, boxes[cells], things, cell, weight)
    source = geometry.boxes_to_source(boxes[cells])
    keep = (candidates >= threshold) & ((source[:, 2:] - source[:, :2]).min(axis=1) >= MIN_BOX_SIDE)
    source, candidates = source[keep], candidates[keep]
    class_ids = np.asarray(card.things, np.int64)[columns[keep]]
    kept = suppress(source, class_ids, candidates, NMS_IOU)[:MAX_DETECTIONS]
    return Detection(source[kept], class_ids[kept], calibrated(candidates[kept], temperature))


def _reaching(logits: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and columns of the logits (A, T) whose sigmoid reaches the threshold, and that sigmoid.

    It is computed for those alone, and near it: of two hundred thousand scores, a scene has some dozens.
    """
    near = threshold - _ROUNDING
    least = np.log(near / (1 - near)) if near > 0 else -np.inf
    # In one dimension: NumPy takes several times as long to find the places in two.
    rows, columns = np.divmod(np.flatnonzero(logits >= least), logits.shape[1])
    scores = sigmoid(logits[rows, columns])
    keep = scores >= threshold
    return rows[keep], columns[keep], scores[keep]


def _of_set(
    boxes: np.ndarray,
    logits: np.ndarray,
    rule: DetectionRule,
    geometry: Geometry,
    card: Card,
    threshold: float,
) -> Detection:
    """Boxes of queries that were trained to find one object each: the highest score first, without NMS."""
    scores = softmax(logits)[:, :-1] if rule.kind == "softmax" else sigmoid(logits)
    if rule.kind == "topk":
        count = min(rule.limit or len(scores), scores.size)
        queries, columns = np.unravel_index(
            np.argsort(-scores, axis=None, kind="stable")[:count], scores.shape
        )
    else:
        queries, columns = np.arange(len(scores)), scores.argmax(axis=1)
    best = scores[queries, columns]
    keep = np.flatnonzero(best >= threshold)
    keep = keep[np.argsort(-best[keep], kind="stable")]
    source = geometry.boxes_to_source(_in_input(boxes[queries[keep]], rule, geometry))
    large = (source[:, 2:] - source[:, :2]).min(axis=1, initial=np.inf) >= MIN_BOX_SIDE
    keep, source = keep[large], source[large]
    class_ids = np.asarray(card.things, np.int64)[columns[keep]]
    return Detection(source, class_ids, best[keep].astype(np.float32))


def _in_input(boxes: np.ndarray, rule: DetectionRule, geometry: Geometry) -> np.ndarray:
    """Boxes as the model gives them → corners in input pixels."""
    if rule.boxes == "pixels":
        return boxes
    half = boxes[:, 2:] / 2
    corners = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
    height, width = geometry.content if rule.boxes == "of_frame" else geometry.input
    top, left = geometry.offset if rule.boxes == "of_frame" else (0, 0)
    placed = corners * np.array([width, height] * 2, np.float32) + np.array([left, top] * 2, np.float32)
    return np.asarray(placed, np.float32)
