"""The output `segmentation` → a class for every source pixel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.results import UNLABELLED, Segmentation

# Up to _FEW classes are all interpolated; of more, those that are among the _PLACES best of some cell.
_FEW, _PLACES = 24, 4


@dataclass(frozen=True)
class ClassProbabilities:
    """Softmax over classes, computed for those that are asked for: of a hundred, a scene has ten.

    Attributes:
        below: (C, h, w) float32, by how much each logit is less than the largest of its cell.
        ratios: (C, h, w) float32, of each class's probability to the largest of its cell.
        total: (h, w) float32, the sum of these ratios.
    """

    below: np.ndarray
    ratios: np.ndarray
    total: np.ndarray

    @classmethod
    def of(cls, logits: np.ndarray, temperature: float = 1.0) -> ClassProbabilities:
        """Of logits (C, h, w), which are divided by the temperature."""
        below = np.subtract(logits.max(axis=0), logits, dtype=np.float32)
        # OpenCV's exponential takes a quarter of the time of NumPy's.
        ratios = cv2.exp(below.reshape(len(below), -1) * np.float32(-1 / temperature)).reshape(below.shape)
        return cls(below, ratios, ratios.sum(axis=0))

    def of_class(self, class_id: int) -> np.ndarray:
        """(h, w) float32 in 0..1."""
        return np.asarray(self.ratios[class_id] / self.total)


def segmentation(probabilities: ClassProbabilities, geometry: Geometry) -> Segmentation:
    """The most probable class of every source pixel.

    Args:
        probabilities: over the input.
        geometry: of the map.
    """
    total = probabilities.total
    rows, columns = geometry.cells((total.shape[0], total.shape[1]))
    below = probabilities.below[:, :rows, :columns]
    best = np.zeros(geometry.source, np.uint8)
    mask = np.full(geometry.source, UNLABELLED, np.uint8)
    # Arrays in source pixels cost the time. A class counts around the cells that it wins, and most classes
    # win none. This changes a few pixels at most: elsewhere a class could win only between two neighbouring
    # cells, where it is second to both winners.
    for class_id in np.flatnonzero(below.min(axis=(1, 2)) == 0):
        window = _around(below[class_id] == 0)
        # OpenCV resizes and compares 8 bits twice as fast as 16, and the confidence has 8.
        ratios = probabilities.ratios[class_id][window]
        levels = cv2.divide(ratios, total[window], scale=255, dtype=cv2.CV_8U)
        values, place = geometry.window_to_source(levels, total.shape, window)
        # Not mask[values > best] = class_id: NumPy's assignment through a mask takes ten times as long.
        cv2.copyTo(np.full_like(values, class_id), cv2.compare(values, best[place], cv2.CMP_GT), mask[place])
        cv2.max(values, best[place], best[place])
    return Segmentation(mask, best)


def _around(cells: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the smallest window with all true cells of (h, w), and one more on each side."""
    left, top, width, height = cv2.boundingRect(cells.view(np.uint8))
    rows, columns = cells.shape
    return (
        slice(max(top - 1, 0), min(top + height + 1, rows)),
        slice(max(left - 1, 0), min(left + width + 1, columns)),
    )


def interpolated(logits: np.ndarray, geometry: Geometry) -> Segmentation:
    """The best class of every source pixel, as public models are evaluated: logits are interpolated first.

    The confidence is the softmax, of interpolated logits and an interpolated sum. Cropped pixels are
    unlabelled.

    Args:
        logits: (C, h, w) over the input.
        geometry: of the map.
    """
    logits = logits.astype(np.float32, copy=False)
    peak = logits.max(axis=0)
    total = peak + np.log(np.exp(logits - peak).sum(axis=0))
    mask, best = strongest(logits, geometry)
    certainty = np.exp(np.minimum(best - geometry.map_to_source(total), 0))
    if any(geometry.offset):
        cropped = geometry.map_to_source(np.ones(total.shape, np.float32)) == 0
        mask[cropped], certainty[cropped] = UNLABELLED, 0
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


def _contenders(logits: np.ndarray) -> np.ndarray:
    """Classes that can be the best between cells: those that are among the best of some cell.

    In a real scene these are far fewer than all, and each costs a map in source pixels.
    """
    if len(logits) <= _FEW:
        return np.arange(len(logits))
    flat = logits.reshape(len(logits), -1)
    return np.unique(np.argpartition(-flat, _PLACES, axis=0)[:_PLACES])
