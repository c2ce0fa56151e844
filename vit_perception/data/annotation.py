"""What is known of one picture: boxes, a mask, depth, dense labels. The record that every dataset format
gives."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vit_perception.data.dense import Dense
from vit_perception.data.navigation import NavigationTruth

_NO_BOXES = np.zeros((0, 4), np.float32)
_NO_IDS = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Annotation:
    """Labels of a picture of H x W pixels. Class ids are of the dataset's label space.

    What is missing here is unknown, not absent: whether a class without a box is absent follows from
    `Dataset.box_labels`.

    Attributes:
        boxes: (N, 4) float32 `x_min, y_min, x_max, y_max` in pixels.
        class_ids: (N,) int64, of the boxes.
        scores: (N,) float32, how sure the labeller was; 1 for labels of people.
        ignored_boxes: (M, 4) float32, where an object may be: neither an object nor background for a loss.
        ignored_ids: (M,) int64, the class it would be of; -1: any.
        semantic: (H, W) uint8 class ids, 255 unlabelled; None: no mask.
        instances: (H, W) uint16, one more than the place of a pixel's object in `boxes`, 0 for none; None:
            single objects have no masks.
        depth: (H, W) float32 metres, NaN unknown; None: no depth.
        dense: what a detector saw at every cell of its grids; None: no dense labels. They have only
            classes that people have not boxed.
        navigation: where a robot that took the picture could go, and should; None: it was no robot's.
    """

    boxes: np.ndarray = field(default_factory=lambda: _NO_BOXES)
    class_ids: np.ndarray = field(default_factory=lambda: _NO_IDS)
    scores: np.ndarray | None = None
    ignored_boxes: np.ndarray = field(default_factory=lambda: _NO_BOXES)
    ignored_ids: np.ndarray = field(default_factory=lambda: _NO_IDS)
    semantic: np.ndarray | None = None
    instances: np.ndarray | None = None
    depth: np.ndarray | None = None
    dense: Dense | None = None
    navigation: NavigationTruth | None = None

    def __post_init__(self) -> None:
        if self.scores is None:
            object.__setattr__(self, "scores", np.ones(len(self.boxes), np.float32))
