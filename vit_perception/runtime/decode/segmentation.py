"""`segmentation` → a class for every source pixel."""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.results import UNLABELLED, Segmentation

# So few classes are all interpolated; of more, those that are among the first places of some cell.
_FEW, _PLACES = 24, 4

# (C, h, w) probabilities over the input, and (h, w) bool: where they are known.
ProbabilityMap = tuple[np.ndarray, np.ndarray]


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


def probability_map(logits: np.ndarray) -> ProbabilityMap:
    """(C, h, w) → probabilities over C, and (h, w) bool where all logits were finite (else zero)."""
    sane = np.isfinite(logits).all(axis=0)
    logits = np.where(sane, logits, np.float32(0))
    values = np.exp(logits - logits.max(axis=0))
    values *= sane / values.sum(axis=0)
    return values.astype(np.float32, copy=False), sane


def interpolated(logits: np.ndarray, geometry: Geometry) -> Segmentation:
    """(C, h, w) logits → as public models are evaluated: interpolated one by one, then the best.

    Confidence: the softmax of the cells, interpolated likewise. What was cut off of the frame is unlabelled.
    """
    sane = np.isfinite(logits).all(axis=0)
    logits = np.where(sane, logits, np.float32(0)).astype(np.float32, copy=False)
    peak = logits.max(axis=0)
    total = peak + np.log(np.exp(logits - peak).sum(axis=0))
    mask, best = strongest(logits, geometry)
    certainty = np.exp(np.minimum(best - geometry.map_to_source(total), 0))
    unknown = unseen(sane, geometry)
    mask[unknown], certainty[unknown] = UNLABELLED, 0
    return Segmentation(mask, cv2.convertScaleAbs(certainty, alpha=255))


def strongest(values: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """(C, h, w) → (H, W) uint8, which of C is the largest in a source pixel; (H, W) float32, its value."""
    best = np.full(geometry.source, -np.inf, np.float32)
    mask = np.full(geometry.source, UNLABELLED, np.uint8)
    for class_id in _contenders(values):
        placed = geometry.map_to_source(values[class_id])
        cv2.copyTo(np.full_like(mask, class_id), cv2.compare(placed, best, cv2.CMP_GT), mask)
        cv2.max(placed, best, best)
    return mask, best


def unseen(sane: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(H, W) bool: source pixels near a cell that is not `sane` (h, w), or cut off before the network."""
    unknown = np.zeros(geometry.source, bool)
    if not sane.all():
        unknown |= geometry.map_to_source(1.0 - sane.astype(np.float32)) > 0
    if any(geometry.offset):
        unknown |= geometry.map_to_source(np.ones(sane.shape, np.float32)) == 0
    return unknown


def _contenders(logits: np.ndarray) -> np.ndarray:
    """Classes that can be the best between cells: those that come near the best in some cell. Far fewer than
    all in any real scene, and each costs a map in source pixels."""
    if len(logits) <= _FEW:
        return np.arange(len(logits))
    flat = logits.reshape(len(logits), -1)
    return np.unique(np.argpartition(-flat, _PLACES, axis=0)[:_PLACES])
