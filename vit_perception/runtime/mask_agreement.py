"""Detection scores corrected by the mask: a box is believed more where it fits a blob of its class.

The mask learns from every pixel and knows better than a young detector where an object ends; it
cannot part two that touch, so it only weighs the detector's boxes and never replaces them.
"""

from __future__ import annotations

import cv2
import numpy as np

# Objects stand out at different certainties: one that is small or dark only at a low one.
_LEVELS = (0.3, 0.5, 0.7)
_SMALLEST_BLOB = 12  # cells
# A box that fits no blob is doubted, not thrown away: it may be one of a crowd.
_LEAST = 0.05


def agree(
    scores: np.ndarray,
    columns: np.ndarray,
    boxes: np.ndarray,
    probabilities: np.ndarray,
    cell: float,
    weight: float,
) -> np.ndarray:
    """The scores (N,) after the mask had its say: score^(1 - weight) · fit^weight.

    Args:
        scores: (N,) in 0..1. columns: (N,) index of each one's class in `probabilities`.
        boxes: (N, 4) `x_min, y_min, x_max, y_max` in input pixels. probabilities: (T, h, w) of the
        things in the mask. cell: input pixels a cell of the mask. weight: of the mask, 0..1.
    """
    fit = np.full(len(scores), _LEAST, np.float32)
    for column in np.unique(columns):
        mine = columns == column
        blobs = _blobs(probabilities[column]) * cell
        if len(blobs):
            fit[mine] = np.maximum(overlaps(boxes[mine], blobs).max(axis=1), _LEAST)
    return np.asarray(scores ** (1 - weight) * fit**weight, np.float32)


def _blobs(probability: np.ndarray) -> np.ndarray:
    """Boxes (M, 4) around what is connected in (h, w) at one of the levels, in cells."""
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


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(N, 4) and (M, 4) → intersection over union (N, M)."""
    overlap = np.minimum(boxes[:, None, 2:], others[None, :, 2:]) - np.maximum(
        boxes[:, None, :2], others[None, :, :2]
    )
    common = overlap.clip(min=0).prod(axis=2)
    area, other_area = ((b[:, 2:] - b[:, :2]).prod(axis=1) for b in (boxes, others))
    return np.asarray(common / np.maximum(area[:, None] + other_area[None] - common, 1e-6))
