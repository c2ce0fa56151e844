"""How much boxes overlap. Boxes are (N, 4) `x_min, y_min, x_max, y_max`."""

from __future__ import annotations

import numpy as np


def areas(boxes: np.ndarray) -> np.ndarray:
    """Area (N,) of each box."""
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))


def intersections(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Area (N, M) that each box has in common with each of M others."""
    overlap = np.minimum(boxes[:, None, 2:], others[None, :, 2:]) - np.maximum(
        boxes[:, None, :2], others[None, :, :2]
    )
    return np.asarray(overlap.clip(min=0).prod(axis=2))


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union (N, M) of boxes with M others."""
    common = intersections(boxes, others)
    return np.asarray(common / np.maximum(areas(boxes)[:, None] + areas(others)[None] - common, 1e-6))
