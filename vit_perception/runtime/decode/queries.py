"""The outputs `query_scores` and `query_masks` → segments with a class and a mask each, as of Mask2Former.

There are three kinds of rules:

- `semantic`: the masks of a class's queries are summed, weighted by their scores, and the largest sum wins a
  pixel.
- `panoptic`: each pixel goes to one of the queries above the threshold; a query that wins too little of its
  own mask is dropped.
- `instance`: masks are painted over each other, in the order of the library that published the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vit_perception.cards.rules import SegmentationRule
from vit_perception.runtime.decode.activation import softmax
from vit_perception.runtime.decode.segmentation import strongest
from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.results import UNLABELLED, Detection, Segmentation

# For `semantic`, so many classes with the highest scores are computed first.
_LIKELY = 16


@dataclass(frozen=True)
class Segments:
    """The two results that segments give.

    Attributes:
        segmentation: of every pixel.
        detection: a box around each segment, the highest score first; None for `semantic`. The box is around
            the whole mask, even where other segments cover it.
    """

    segmentation: Segmentation
    detection: Detection | None


@dataclass(frozen=True)
class _Segment:
    """A segment. `box` is `x, y, width, height` in pixels of the maps."""

    class_id: int
    score: float
    box: Sequence[int]


def segments(
    raw: Mapping[str, np.ndarray],
    rule: SegmentationRule,
    geometry: Geometry,
    maps: Geometry,
    threshold: float = 0.0,
) -> Segments:
    """Decode queries.

    Args:
        raw: `query_scores` (Q, C + 1) and `query_masks` (Q, h, w), logits.
        rule: how the publisher of the model reads them.
        geometry: of the frame, for boxes.
        maps: of the masks, which are smaller where `map_scale` is less than one.
        threshold: least score of a box. It does not act on the segmentation.
    """
    logits, masks = raw["query_scores"], raw["query_masks"]
    scores, masks = softmax(logits), masks.astype(np.float32, copy=False)
    if rule.kind == "semantic":
        return Segments(_semantic(scores[:, :-1], masks, rule, maps), None)
    share = _panoptic if rule.kind == "panoptic" else _instance
    owner, certainty, found = share(scores, masks, rule, maps)
    class_ids = np.array([UNLABELLED, *(each.class_id for each in found)], np.uint8)
    confidence = cv2.convertScaleAbs(np.where(owner > 0, certainty, np.float32(0)), alpha=255)
    segmentation = Segmentation(class_ids[owner], confidence, owner)
    return Segments(segmentation, _boxes(found, geometry, maps, threshold))


def _semantic(scores: np.ndarray, masks: np.ndarray, rule: SegmentationRule, maps: Geometry) -> Segmentation:
    """`semantic`. The confidence is the share of the best class in the sum of all."""
    if not len(scores):
        nothing = np.zeros(maps.source, np.uint8)
        return Segmentation(nothing + UNLABELLED, nothing)
    probabilities = _sigmoid(np.stack([_resized(mask, rule) for mask in masks]))
    most = scores.sum(axis=0)  # the most that a class can have in a pixel
    order = np.argsort(-most, kind="stable")
    likely, rest = order[:_LIKELY], order[_LIKELY:]
    values = np.tensordot(scores[:, likely], probabilities, axes=(0, 0))
    rest = rest[most[rest] >= values.max(axis=0).min()]  # the others win no pixel
    if len(rest):
        values = np.concatenate([values, np.tensordot(scores[:, rest], probabilities, axes=(0, 0))])
    places, best = strongest(values, maps)
    total = maps.map_to_source(np.tensordot(scores.sum(axis=1), probabilities, axes=(0, 0)))
    class_ids = np.concatenate([likely, rest]).astype(np.uint8)
    confidence = cv2.convertScaleAbs(best / np.maximum(total, 1e-6), alpha=255)
    return Segmentation(class_ids[places], confidence)


def _panoptic(
    scores: np.ndarray, masks: np.ndarray, rule: SegmentationRule, maps: Geometry
) -> tuple[np.ndarray, np.ndarray, list[_Segment]]:
    """`panoptic`.

    Returns:
        (H, W) uint16 numbers of each pixel's segment, from 1, 0 for none; (H, W) float32 probability of its
        mask times its score; and the segments.
    """
    classes, sure = scores.argmax(axis=1, keepdims=True), scores.max(axis=1, initial=0)
    kept = np.flatnonzero((classes[:, 0] < scores.shape[1] - 1) & (sure > rule.threshold))
    nearest, best = np.zeros(maps.source, np.uint16), np.full(maps.source, -1, np.float32)
    areas = []
    for number, query in enumerate(kept, start=1):
        probability = _placed(masks[query], rule, maps)
        weighted = probability * sure[query]
        areas.append(np.count_nonzero((probability if _cuts(rule) else weighted) >= rule.mask_threshold))
        cv2.copyTo(np.full_like(nearest, number), cv2.compare(weighted, best, cv2.CMP_GT), nearest)
        cv2.max(weighted, best, best)
    owner = np.zeros(maps.source, np.uint16)
    found: list[_Segment] = []
    fused: dict[int, int] = {}
    for number, (query, area) in enumerate(zip(kept, areas, strict=True), start=1):
        own = nearest == number
        whole = np.count_nonzero(own)
        if _cuts(rule):
            own &= best >= rule.mask_threshold * sure[query]
        if not area or not own.any() or whole / area <= rule.overlap_threshold:
            continue
        class_id = int(classes[query, 0])
        place = fused.get(class_id, len(found))
        owner[own] = place + 1
        if place < len(found):
            score = max(found[place].score, float(sure[query]))
            found[place] = _Segment(class_id, score, _box(owner == place + 1))
            continue
        found.append(_Segment(class_id, float(sure[query]), _box(own)))
        if class_id in rule.fused:
            fused[class_id] = place
    return owner, best, found


def _instance(
    scores: np.ndarray, masks: np.ndarray, rule: SegmentationRule, maps: Geometry
) -> tuple[np.ndarray, np.ndarray, list[_Segment]]:
    """`instance`; returns the same as `_panoptic`. A segment's score is that of its class times the mean
    probability within its mask. Later segments cover earlier ones."""
    scores = scores[:, :-1]
    if rule.interpolated == "logits":
        queries, classes = np.arange(len(scores)), scores.argmax(axis=1)
    else:
        order = np.argsort(-scores, axis=None, kind="stable")[: len(scores)]
        queries, classes = np.unravel_index(order, scores.shape)
    owner, certainty, found = np.zeros(maps.source, np.uint16), np.zeros(maps.source, np.float32), []
    for query, class_id in zip(queries, classes, strict=True):
        if scores[query, class_id] < rule.threshold:
            continue
        within, mean = _silhouette(masks[query], rule, maps)
        score = float(scores[query, class_id]) * mean
        if score < rule.threshold or not within.any():
            continue
        found.append(_Segment(int(class_id), score, _box(within)))
        owner[within], certainty[within] = len(found), score
    return owner, certainty, found


def _silhouette(mask: np.ndarray, rule: SegmentationRule, maps: Geometry) -> tuple[np.ndarray, float]:
    """Where a mask of logits is positive, (H, W) bool, and its mean probability there."""
    mask = _resized(mask, rule)
    if rule.interpolated == "logits":
        mask = maps.map_to_source(mask)
    within = mask > 0
    mean = float(_sigmoid(mask[within]).mean()) if within.any() else 0.0
    if rule.interpolated == "probabilities":
        within = maps.map_to_source(within.astype(np.uint8), cv2.INTER_NEAREST) > 0
    return within, mean


def _placed(mask: np.ndarray, rule: SegmentationRule, maps: Geometry) -> np.ndarray:
    """Logits (h, w) → probabilities (H, W)."""
    if rule.interpolated == "logits":
        return _sigmoid(maps.map_to_source(_resized(mask, rule)))
    return maps.map_to_source(_sigmoid(_resized(mask, rule)))


def _resized(mask: np.ndarray, rule: SegmentationRule) -> np.ndarray:
    if not rule.through:
        return mask
    height, width = rule.through
    return cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    """Sigmoid that is exact near zero, too: where all masks are improbable, the best one wins a pixel."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -80, 80))), np.float32)


def _cuts(rule: SegmentationRule) -> bool:
    """Whether a panoptic segment ends where its own mask is below the threshold, as with EoMT."""
    return rule.interpolated == "logits"


def _box(within: np.ndarray) -> Sequence[int]:
    return cv2.boundingRect(within.astype(np.uint8))


def _boxes(found: Sequence[_Segment], geometry: Geometry, maps: Geometry, threshold: float) -> Detection:
    scores = np.array([each.score for each in found], np.float32)
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= threshold]
    boxes = np.array([each.box for each in found], np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    enlarged = np.array(geometry.source[::-1], np.float32) / np.array(maps.source[::-1], np.float32)
    class_ids = np.array([each.class_id for each in found], np.int64)
    return Detection((boxes * np.tile(enlarged, 2))[order], class_ids[order], scores[order], order + 1)
