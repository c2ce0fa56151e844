"""Non-maximum suppression."""

from __future__ import annotations

import cv2
import numpy as np


def suppress(boxes: np.ndarray, class_ids: np.ndarray, scores: np.ndarray, iou: float) -> np.ndarray:
    """Places of the boxes that survive within their class, the highest score first.

    Args:
        boxes: (N, 4) `x_min, y_min, x_max, y_max`.
        class_ids: (N,) of the boxes.
        scores: (N,) of the boxes.
        iou: of two boxes that overlap by more, the lower score goes.
    """
    if not len(boxes):
        return np.zeros(0, np.int64)
    # Shifting each class out of the way of the others lets one suppression serve all. OpenCV's
    # NMSBoxesBatched does the same, but only since 4.7, and Ubuntu 24.04 has 4.6.
    shift = class_ids[:, None] * (2 * np.abs(boxes).max())
    corner_and_size = np.concatenate([boxes[:, :2] + shift, boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxes(corner_and_size.tolist(), scores.tolist(), 0.0, iou)
    return np.asarray(kept, np.int64).reshape(-1)
