"""Raw outputs of the network (see raw_outputs.py) → results in source pixels, one function a task.

Each takes the outputs of one frame, without the batch axis. A value that is not finite is never
passed on: its class, box, pixel or score is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import cv2
import numpy as np

from vit_perception.runtime.card import Card
from vit_perception.runtime.mask_agreement import agree
from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.raw_outputs import needed
from vit_perception.runtime.results import (
    Attention,
    Classification,
    Detection,
    Navigation,
    Perception,
    Segmentation,
)
from vit_perception.tasks import ATTENTION, CLASSIFICATION, DETECTION, NAVIGATION, SEGMENTATION

UNLABELLED = 255
NMS_IOU = 0.5
MAX_DETECTIONS = 100
# Only the best go into NMS, whose time grows with the square of the candidates.
MAX_CANDIDATES = 1000
# Thinner than this, in source pixels, a box is an artefact of clipping at the edge.
MIN_BOX_SIDE = 0.5

# (C, h, w) probabilities over the input, and (h, w) bool: where they are known.
ProbabilityMap = tuple[np.ndarray, np.ndarray]


def decode(
    outputs: Mapping[str, np.ndarray],
    geometry: Geometry,
    card: Card,
    tasks: Iterable[str],
    thresholds: Mapping[str, float],
    map_scale: float = 1.0,
) -> Perception:
    """Decode the first frame of a batch: the tasks asked for, of the heads that were trained.

    `map_scale`: size of masks and heat maps, in that of the source.

    Raises:
        ValueError: an output is missing or does not fit the card.
    """
    tasks = tuple(tasks)
    wanted = [task for task in tasks if task in card.tasks]
    raw = {}
    for name in needed(card, tasks):
        if name not in outputs:
            raise ValueError(f"the model gives no output {name!r}, only {', '.join(outputs)}")
        raw[name] = outputs[name][0]
    _check(raw, card)
    mask = _softmax_map(raw["segmentation"]) if "segmentation" in raw else None
    maps = geometry.of_maps(map_scale)
    return Perception(
        image_size=geometry.source,
        classification=classification(raw["classification"]) if CLASSIFICATION in wanted else None,
        detection=detection(raw, mask, geometry, card, thresholds[DETECTION])
        if DETECTION in wanted
        else None,
        segmentation=segmentation(*mask, maps) if mask and SEGMENTATION in wanted else None,
        navigation=navigation(raw, card.actions) if NAVIGATION in wanted else None,
        attention=attention(raw["attention"], maps) if ATTENTION in wanted else None,
    )


def _check(raw: Mapping[str, np.ndarray], card: Card) -> None:
    """Raise ValueError if an output's channels are not those that the card names."""
    for name, axis, count, what in (
        ("classification", 0, len(card.labels), "labels"),
        ("detection_scores", 1, len(card.things), "things"),
        ("segmentation", 0, len(card.labels), "labels"),
        ("navigation_action", 0, len(card.actions), "actions"),
    ):
        if name in raw and raw[name].shape[axis] != count:
            raise ValueError(
                f"output {name!r} has {raw[name].shape[axis]} channels, but the card {count} {what}"
            )


def classification(logits: np.ndarray) -> Classification:
    """(C,) logits → every class, best first."""
    class_ids = np.flatnonzero(np.isfinite(logits))
    scores = _sigmoid(logits[class_ids])
    order = np.argsort(-scores, kind="stable")
    return Classification(class_ids[order].astype(np.int64), scores[order])


def detection(
    raw: Mapping[str, np.ndarray],
    mask: ProbabilityMap | None,
    geometry: Geometry,
    card: Card,
    threshold: float,
) -> Detection:
    """Boxes (A, 4) in input pixels, logits (A, T) → what scores at least `threshold`, after NMS by class."""
    boxes, logits = raw["detection_boxes"], raw["detection_scores"]
    weight = card.mask_agreement
    finite = np.isfinite(boxes).all(axis=1, keepdims=True) & np.isfinite(logits)
    scores = np.where(finite, _sigmoid(np.where(finite, logits, 0.0)), -1.0)
    # The mask raises a score to score^(1 - weight) at most: less than this cannot get over the threshold.
    cells, columns = np.nonzero(scores >= threshold ** (1 / (1 - weight)))
    candidates = scores[cells, columns].astype(np.float32)
    best = np.argsort(-candidates, kind="stable")[:MAX_CANDIDATES]
    cells, columns, candidates = cells[best], columns[best], candidates[best]
    if weight and mask:
        things = mask[0][list(card.things)]
        cell = geometry.input[1] / things.shape[2]
        candidates = agree(candidates, columns, boxes[cells], things, cell, weight)
    source = geometry.boxes_to_source(boxes[cells])
    keep = (candidates >= threshold) & ((source[:, 2:] - source[:, :2]).min(axis=1) >= MIN_BOX_SIDE)
    source, candidates = source[keep], candidates[keep]
    class_ids = np.asarray(card.things, np.int64)[columns[keep]]
    kept = _suppress(source, candidates, class_ids, max(geometry.source))
    return Detection(source[kept], class_ids[kept], candidates[kept])


def _suppress(boxes: np.ndarray, scores: np.ndarray, class_ids: np.ndarray, extent: int) -> np.ndarray:
    """Indices of the boxes that survive NMS within their class, best first."""
    if not len(boxes):
        return np.zeros(0, np.int64)
    # Each class in a place of its own, so that one NMS treats them apart. OpenCV's NMSBoxesBatched
    # does the same, but only since 4.7, and Ubuntu 24.04 has 4.6.
    shifted = np.concatenate(
        [boxes[:, :2] + (class_ids * (extent + 1))[:, None], boxes[:, 2:] - boxes[:, :2]], axis=1
    )
    keep = cv2.dnn.NMSBoxes(shifted.tolist(), scores.tolist(), 0.0, NMS_IOU)
    return np.asarray(keep, np.int64).reshape(-1)[:MAX_DETECTIONS]


def segmentation(probabilities: np.ndarray, sane: np.ndarray, geometry: Geometry) -> Segmentation:
    """A probability map over the input → the best class and its probability for every source pixel."""
    rows, columns = geometry.cells(sane.shape)
    # In 16 bits, which OpenCV compares and copies twice as fast as float32.
    levels = np.rint(probabilities * 65535).astype(np.uint16)
    best = np.zeros(geometry.source, np.uint16)
    mask = np.full(geometry.source, UNLABELLED, np.uint8)
    # Full-size arrays are what costs, and most classes are the best of no cell. One of those could only
    # win where it is second to two others side by side: a seam of a few pixels, if any.
    winners = probabilities[:, :rows, :columns].argmax(axis=0)
    for class_id in np.flatnonzero(np.bincount(winners.reshape(-1))):
        values = geometry.map_to_source(levels[class_id])
        # Not mask[values > best] = class_id: NumPy's assignment through a mask takes ten times as long.
        cv2.copyTo(np.full_like(mask, class_id), cv2.compare(values, best, cv2.CMP_GT), mask)
        cv2.max(values, best, best)
    if not sane.all():
        # Interpolation would spread what is not a number: such pixels and their neighbours stay unlabelled.
        unknown = geometry.map_to_source(1.0 - sane.astype(np.float32)) > 0
        mask[unknown], best[unknown] = UNLABELLED, 0
    return Segmentation(mask, cv2.convertScaleAbs(best, alpha=1 / 257))


def _softmax_map(logits: np.ndarray) -> ProbabilityMap:
    """(C, h, w) → probabilities over C, and (h, w) bool where all logits were finite (else zero)."""
    sane = np.isfinite(logits).all(axis=0)
    logits = np.where(sane, logits, np.float32(0))
    values = np.exp(logits - logits.max(axis=0))
    values *= sane / values.sum(axis=0)
    return values.astype(np.float32, copy=False), sane


def navigation(raw: Mapping[str, np.ndarray], actions: tuple[str, ...]) -> Navigation:
    """The navigation outputs that are there → scores; a part that is absent or not finite is None."""
    logits = raw.get("navigation_action")
    scores = None
    if logits is not None and np.isfinite(logits).all():
        scores = np.exp(logits - logits.max())
        scores = (scores / scores.sum()).astype(np.float32)
    collision = _finite(raw.get("navigation_collision"))
    return Navigation(
        actions=() if scores is None else actions,
        action_scores=scores,
        collision=None if collision is None else float(_sigmoid(np.array(collision))),
        goal_distance=_finite(raw.get("navigation_goal_distance")),
    )


def _finite(value: np.ndarray | None) -> float | None:
    """The single number in `value`, or None where there is none or it is not finite."""
    return float(value[0]) if value is not None and np.isfinite(value[0]) else None


def attention(weights: np.ndarray, geometry: Geometry) -> Attention:
    """(heads, gh, gw) weights → mean of the heads as a heat map, 1 at the patch attended to most."""
    heat = np.where(np.isfinite(weights).all(axis=0), weights.mean(axis=0), 0.0).astype(np.float32)
    rows, columns = geometry.cells(heat.shape)
    peak = heat[:rows, :columns].max()
    if peak > 0:
        heat = heat / peak
    return Attention(geometry.map_to_source(heat))


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    # tanh does not overflow, however large the logit.
    return (0.5 * (1.0 + np.tanh(0.5 * logits))).astype(np.float32)
