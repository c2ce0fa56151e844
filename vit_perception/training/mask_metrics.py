"""Accuracy and intersection over union of masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vit_perception.runtime.results import UNLABELLED
from vit_perception.training.confusion import count_pairs


class MaskMetrics:
    """A confusion matrix, gathered picture by picture. Unlabelled pixels count for nothing.

    Args:
        names: name by class id.
        groups: (C,) class id → class id under which it counts; for coarse groups.

    Attributes:
        confusion: (C, C + 1) pixels by true class and answer; the last column is no answer.
    """

    def __init__(self, names: Sequence[str], groups: np.ndarray | None = None) -> None:
        self.names = names
        self.table = np.arange(256)
        if groups is not None:
            self.table[: len(groups)] = groups
        self.confusion = np.zeros((len(names), len(names) + 1), np.int64)

    def add(self, semantic: np.ndarray, mask: np.ndarray) -> None:
        """Count a picture.

        Args:
            semantic: (H, W) uint8 class ids, the truth.
            mask: (H, W) uint8 class ids, the answer.
        """
        known = semantic != UNLABELLED
        self.confusion += count_pairs(self.table[semantic[known]], self.table[mask[known]], len(self.names))[
            :-1
        ]

    def result(self, suffix: str = "") -> dict[str, float]:
        """`pixel_accuracy`, `mean_accuracy` (over classes), `miou`, and `iou/<label>` of each that is there.

        Args:
            suffix: added to the names.

        Returns:
            The metrics in percent; none where no pixel is labelled. The means are over the classes that are
            in the truth or in an answer.
        """
        confusion = self.confusion
        if not confusion.any():
            return {}
        right = np.diag(confusion[:, :-1])
        union = confusion.sum(1) + confusion[:, :-1].sum(0) - right
        iou = np.where(union > 0, right / np.maximum(union, 1), np.nan)
        present = confusion.sum(1) > 0
        recalls = right[present] / confusion.sum(1)[present]
        scores = {
            f"pixel_accuracy{suffix}": _percent(right.sum() / confusion.sum()),
            f"mean_accuracy{suffix}": _percent(recalls.mean()),
            f"miou{suffix}": _percent(np.nanmean(iou)),
        }
        return scores | {
            f"iou{suffix}/{name}": _percent(value)
            for name, value, there in zip(self.names, iou, present, strict=True)
            if there
        }


def _percent(share: np.floating[Any]) -> float:
    return round(100 * float(share), 2)
