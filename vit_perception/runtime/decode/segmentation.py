"""The output `segmentation` → a class for every source pixel."""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.results import UNLABELLED, Segmentation

# Up to _FEW classes are all interpolated; of more, those that are among the _PLACES best of some cell.
_FEW, _PLACES = 24, 4

# Probabilities (C, h, w) over the input, and where they are known, (h, w) bool.
ProbabilityMap = tuple[np.ndarray, np.ndarray]


def segmentation(probabilities: np.ndarray, finite: np.ndarray, geometry: Geometry) -> Segmentation:
    """The most probable class of every source pixel.

    Args:
        probabilities: (C, h, w) over the input.
        finite: (h, w) bool, where the probabilities are known.
        geometry: of the map.
    """
    rows, columns = geometry.cells(finite.shape)
    best = np.zeros(geometry.source, np.uint8)
    mask = np.full(geometry.source, UNLABELLED, np.uint8)
    # Arrays in source pixels cost the time. A class counts around the cells that it wins, and most classes
    # win none. This changes a few pixels at most: elsewhere a class could win only between two neighbouring
    # cells, where it is second to both winners.
    winners = probabilities[:, :rows, :columns].argmax(axis=0)
    for class_id in np.flatnonzero(np.bincount(winners.reshape(-1))):
        # OpenCV resizes and compares 8 bits twice as fast as 16, and the confidence has 8.
        levels = np.rint(probabilities[class_id] * 255).astype(np.uint8)
        values, place = geometry.window_to_source(levels, *_around(winners == class_id))
        # Not mask[values > best] = class_id: NumPy's assignment through a mask takes ten times as long.
        cv2.copyTo(np.full_like(values, class_id), cv2.compare(values, best[place], cv2.CMP_GT), mask[place])
        cv2.max(values, best[place], best[place])
    if not finite.all():
        # Interpolation spreads the values of unknown cells: pixels near them stay unlabelled.
        unknown = geometry.map_to_source(1.0 - finite.astype(np.float32)) > 0
        mask[unknown], best[unknown] = UNLABELLED, 0
    return Segmentation(mask, best)


def _around(cells: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the smallest window with all true cells of (h, w), and one more on each side."""
    rows, columns = (np.flatnonzero(cells.any(axis=axis)) for axis in (1, 0))
    height, width = cells.shape
    return (
        slice(max(rows[0] - 1, 0), min(rows[-1] + 2, height)),
        slice(max(columns[0] - 1, 0), min(columns[-1] + 2, width)),
    )


def probability_map(logits: np.ndarray) -> ProbabilityMap:
    """Logits (C, h, w) → probabilities over C, zero in a cell whose logits are not all finite."""
    finite = np.isfinite(logits).all(axis=0)
    logits = np.where(finite, logits, np.float32(0))
    values = np.exp(logits - logits.max(axis=0))
    values *= finite / values.sum(axis=0)
    return values.astype(np.float32, copy=False), finite


def interpolated(logits: np.ndarray, geometry: Geometry) -> Segmentation:
    """The best class of every source pixel, as public models are evaluated: logits are interpolated first.

    The confidence is the softmax, of interpolated logits and an interpolated sum. Cropped pixels are
    unlabelled.

    Args:
        logits: (C, h, w) over the input.
        geometry: of the map.
    """
    finite = np.isfinite(logits).all(axis=0)
    logits = np.where(finite, logits, np.float32(0)).astype(np.float32, copy=False)
    peak = logits.max(axis=0)
    total = peak + np.log(np.exp(logits - peak).sum(axis=0))
    mask, best = strongest(logits, geometry)
    certainty = np.exp(np.minimum(best - geometry.map_to_source(total), 0))
    unknown = _unknown(finite, geometry)
    mask[unknown], certainty[unknown] = UNLABELLED, 0
    return Segmentation(mask, cv2.convertScaleAbs(certainty, alpha=255))


def strongest(values: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Values (C, h, w) → the index of the largest in each source pixel, (H, W) uint8; its value, float32."""
    best = np.full(geometry.source, -np.inf, np.float32)
    mask = np.full(geometry.source, UNLABELLED, np.uint8)
    for class_id in _contenders(values):
        placed = geometry.map_to_source(values[class_id])
        cv2.copyTo(np.full_like(mask, class_id), cv2.compare(placed, best, cv2.CMP_GT), mask)
        cv2.max(placed, best, best)
    return mask, best


def _unknown(finite: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Source pixels, (H, W) bool, that are near a cell that is not `finite` (h, w), or were cropped."""
    unknown = np.zeros(geometry.source, bool)
    if not finite.all():
        unknown |= geometry.map_to_source(1.0 - finite.astype(np.float32)) > 0
    if any(geometry.offset):
        unknown |= geometry.map_to_source(np.ones(finite.shape, np.float32)) == 0
    return unknown


def _contenders(logits: np.ndarray) -> np.ndarray:
    """Classes that can be the best between cells: those that are among the best of some cell.

    In a real scene these are far fewer than all, and each costs a map in source pixels.
    """
    if len(logits) <= _FEW:
        return np.arange(len(logits))
    flat = logits.reshape(len(logits), -1)
    return np.unique(np.argpartition(-flat, _PLACES, axis=0)[:_PLACES])
