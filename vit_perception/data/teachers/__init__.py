"""Models that label pictures: ours, public ones, and ONNX or TFLite files that a YAML describes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from vit_perception.data.dense import Dense

_NO_BOXES = np.zeros((0, 4), np.float32)


@dataclass(frozen=True)
class Prediction:
    """What a teacher finds in a picture of H x W pixels. Class ids are places in its lists of labels.

    Attributes:
        boxes: (N, 4) float32 `x_min, y_min, x_max, y_max` in pixels of the picture.
        class_ids: (N,) int64, in `Teacher.box_labels`.
        scores: (N,) float32 in 0..1.
        mask: (H, W) uint8, in `Teacher.mask_labels`; 255 is unlabelled. None: it gives no mask.
        depth: (H, W) float32 metres, NaN unknown; None: it gives no depth.
        dense: what it saw at every cell of its grids, in `Teacher.box_labels`; None: it has no grids.
    """

    boxes: np.ndarray = field(default_factory=lambda: _NO_BOXES)
    class_ids: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    scores: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    mask: np.ndarray | None = None
    depth: np.ndarray | None = None
    dense: Dense | None = None


class Teacher(Protocol):
    """A model that labels pictures, for one thread at a time.

    Attributes:
        name: for people, and for weights by teacher.
        box_labels: names of the classes of its boxes, by class id; empty: it gives no boxes.
        mask_labels: the same for its masks; None stands for a class that means "none of the others".
        gives_depth: whether it gives metres.
        gives_dense: whether it has grids.
    """

    name: str
    box_labels: tuple[str, ...]
    mask_labels: tuple[str | None, ...]
    gives_depth: bool
    gives_dense: bool

    def __call__(self, image: np.ndarray) -> Prediction:
        """Label one picture, (H, W, 3) uint8 RGB."""
        ...
