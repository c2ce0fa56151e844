"""Detection scores corrected by the mask: a box scores higher where it fits a blob of its class in the mask.

The mask learns from every pixel, and after a short training it locates the edges of an object better than the
detector. It cannot separate two objects that touch, so it changes the scores of boxes but not the boxes.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from vit_perception.runtime.overlap import overlaps

# Probabilities at which blobs are cut out: a small or dark object appears only at a low one.
_LEVELS = (0.3, 0.5, 0.7)
_SMALLEST_BLOB = 12  # cells
# A box that fits no blob keeps some of its score: it may be one of a crowd.
_LEAST = 0.05


def agree(
    scores: np.ndarray,
    columns: np.ndarray,
    boxes: np.ndarray,
    probabilities: Mapping[int, np.ndarray],
    cell: float,
    weight: float,
) -> np.ndarray:
    """Scores corrected by the mask: score^(1 - weight) · fit^weight. The fit is the best overlap with a blob.

    Args:
        scores: (N,) in 0..1.
        columns: (N,) the class of each box.
        boxes: (N, 4) `x_min, y_min, x_max, y_max` in input pixels.
        probabilities: (h, w) of the mask, by class, for those of the boxes.
        cell: side of a cell of the mask in input pixels.
        weight: of the mask, 0..1.

    Returns:
        (N,) float32 in 0..1.
    """
    fit = np.full(len(scores), _LEAST, np.float32)
    for column in np.unique(columns):
        same = columns == column
        blobs = _blobs(probabilities[int(column)]) * cell
        if len(blobs):
            fit[same] = np.maximum(overlaps(boxes[same], blobs).max(axis=1), _LEAST)
    return np.asarray(scores ** (1 - weight) * fit**weight, np.float32)


def _blobs(probability: np.ndarray) -> np.ndarray:
    """Boxes (M, 4), in cells, around the connected regions of (h, w) above each of the levels."""
    found: list[np.ndarray] = [np.zeros((0, 4), np.int32)]
    peak = probability.max()
    for level in (level for level in _LEVELS if level < peak):
        mask = (probability > level).astype(np.uint8)
        _, _, statistics, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
        inner = statistics[1:]  # the first is the background
        found.append(inner[inner[:, cv2.CC_STAT_AREA] >= _SMALLEST_BLOB, :4])
    blobs = np.concatenate(found).astype(np.float32)
    blobs[:, 2:] += blobs[:, :2]
    return blobs
