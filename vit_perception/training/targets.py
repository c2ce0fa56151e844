"""The truth of a batch: classes present, boxes, mask and way ahead, as tensors, and what of it is known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from vit_perception.data.label_space import LabelSpace
from vit_perception.data.navigation import ACTIONS
from vit_perception.runtime.results import UNLABELLED
from vit_perception.training.augment import View
from vit_perception.training.dense_loss import DenseTruth
from vit_perception.training.dense_sampling import grid_sizes, sample
from vit_perception.training.examples import Known
from vit_perception.training.ragged import Ragged

PRESENT = 0.004  # share of a picture from which a class counts as present
IGNORE = -100  # the action where no mask tells which is right
# A mask that leaves more than this share of a picture unlabelled does not tell which classes are absent.
_MOST_UNLABELLED = 0.5


@dataclass(frozen=True)
class Batch:
    """B pictures and their truth, for C classes, T of them things.

    Attributes:
        pixels: (B, H, W, 3) uint8 red, green, blue.
        mean: (3,) of the three channels, for pixels from 0 to 1.
        std: as `mean`.
        semantic: (B, h, w) int64 class ids at the cells of the segmentation head, 255 unlabelled.
        known_masks: (B, C) bool, the classes that each mask knows.
        boxes: (G, 4) for each image, x_min, y_min, x_max, y_max in input pixels.
        columns: (G,) int64 for each image, the place of each box's class among the things.
        scores: (G,) for each image, how sure the labeller was, 0 to 1.
        known_boxes: (B, T) bool, the things of which each image has all boxes, without those of `dense`.
        ignored_boxes: (M, 4) for each image, where it is unknown whether there is an object.
        ignored_columns: (M,) int64 for each image, of which thing; -1 of any.
        present: (B, C) 0, 1, or NaN where unknown.
        action: (B,) int64 indices of `ACTIONS`, or IGNORE.
        blocked: (B,) 0, 1, or NaN where unknown.
        dense: what the cells of the detection head are to see; None if no picture has dense labels.
    """

    pixels: Tensor
    mean: Tensor
    std: Tensor
    semantic: Tensor
    known_masks: Tensor
    boxes: Ragged
    columns: Ragged
    scores: Ragged
    known_boxes: Tensor
    ignored_boxes: Ragged
    ignored_columns: Ragged
    present: Tensor
    action: Tensor
    blocked: Tensor
    dense: DenseTruth | None = None

    @property
    def image(self) -> Tensor:
        """(B, 3, H, W) normalised, in channels-last memory."""
        return (self.pixels.float() / 255 - self.mean).div_(self.std).permute(0, 3, 1, 2)

    def to(self, device: torch.device) -> Batch:
        """The same batch on `device`."""
        return self._each(lambda value: value.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """The same batch in memory from which a GPU copies fast. The DataLoader calls it."""
        return self._each(lambda value: value.pin_memory())

    def _each(self, change: Callable[[Any], Any]) -> Batch:
        return Batch(**{name: change(value) for name, value in vars(self).items() if value is not None})


def drivable_classes(space: LabelSpace) -> frozenset[int]:
    """Class ids of what a wheeled robot can drive on."""
    return frozenset(class_id for class_id, label in enumerate(space.labels) if label.drivable)


def way_ahead(semantic: np.ndarray, drivable: Collection[int]) -> tuple[int, bool] | None:
    """The right action, and whether the way is blocked, from the ground in the lower part of a mask.

    The lower two fifths are cut into left, middle and right. A third is free if at least half of its
    labelled pixels are drivable. The middle wins, then the freer side; if none is free, the action is to
    stop.

    Args:
        semantic: (H, W) class ids.
        drivable: class ids of what a robot can drive on.

    Returns:
        Index of `ACTIONS` and whether the middle is blocked; None where nothing is drivable by its label, or
        less than half of the lower part is labelled.
    """
    lower = semantic[int(semantic.shape[0] * 0.6) :]
    if not drivable or lower.size == 0 or (lower != UNLABELLED).mean() < 0.5:
        return None
    free = [
        np.isin(part, list(drivable)).sum() / max((part != UNLABELLED).sum(), 1)
        for part in np.array_split(lower, 3, axis=1)
    ]
    left, middle, right = free
    if middle >= 0.5:
        return ACTIONS.index("forward"), False
    if max(left, right) >= 0.5:
        return ACTIONS.index("turn_left" if left >= right else "turn_right"), True
    return ACTIONS.index("stop"), True


def visible_classes(semantic: np.ndarray, count: int, share: float) -> np.ndarray:
    """(count,) bool: the classes that cover more than `share` of a mask (H, W), 0 to 1."""
    pixels = np.bincount(semantic.ravel(), minlength=256)[:count]
    return np.asarray(pixels > share * semantic.size)


def classes_present(
    semantic: np.ndarray, class_ids: np.ndarray, ignored_ids: np.ndarray, known: Known, count: int
) -> np.ndarray:
    """Which classes are in a picture.

    Args:
        semantic: (H, W) class ids, 255 unlabelled.
        class_ids: of its boxes.
        ignored_ids: of its ignored boxes; -1 for any class.
        known: what its labels know.
        count: number of classes, C.

    Returns:
        (C,) 1 present, 0 absent, NaN unknown. A class is absent where boxes that tell it or the mask know it
        and do not have it, and no ignored box may be of it.
    """
    present = np.full(count, np.nan, np.float32)
    absent = set(known.absent)
    if (semantic == UNLABELLED).mean() <= _MOST_UNLABELLED:
        absent |= known.masks
    if -1 not in ignored_ids:
        present[sorted(absent - set(ignored_ids.tolist()))] = 0.0
    present[visible_classes(semantic, count, PRESENT)] = 1.0
    present[class_ids] = 1.0
    return present


@dataclass(frozen=True)
class Collate:
    """Views of one size → Batch.

    Attributes:
        space: the labels.
        mean: of the three channels, for pixels from 0 to 1.
        std: as `mean`.
        stride: pixels a side of the segmentation head's cells, at which the masks are sampled.
        detection_strides: pixels a side of the detection head's cells, level by level.
    """

    space: LabelSpace
    mean: tuple[float, ...]
    std: tuple[float, ...]
    stride: float
    detection_strides: tuple[float, ...]

    def __call__(self, views: Sequence[View]) -> Batch:
        height, width = views[0].rgb.shape[:2]
        cells = (round(width / self.stride), round(height / self.stride))
        count, things = len(self.space), list(self.space.things)
        column = np.full(256, -2)  # -2: not a thing
        column[things] = np.arange(len(things))
        drivable = drivable_classes(self.space)
        masks, known_masks, actions, blocked = [], [], [], []
        found = [_Boxes.of(view, column) for view in views]
        for view in views:
            mask = cv2.resize(view.semantic, cells, interpolation=cv2.INTER_NEAREST_EXACT)
            masks.append(mask)
            # A class that is in the mask is known there, whatever the dataset says.
            known_masks.append(visible_classes(mask, count, 0.0) | _flags(view.known.masks, count))
            x0, y0, x1, y1 = view.content
            way = way_ahead(view.semantic[y0:y1, x0:x1], drivable & view.known.masks)
            actions.append(IGNORE if way is None else way[0])
            blocked.append(np.nan if way is None else float(way[1]))
        present = [
            classes_present(view.semantic, view.class_ids, view.ignored_ids, view.known, count)
            for view in views
        ]
        return Batch(
            pixels=torch.from_numpy(np.stack([view.rgb for view in views])),
            mean=torch.tensor(self.mean),
            std=torch.tensor(self.std),
            semantic=torch.from_numpy(np.stack(masks)).long(),
            known_masks=torch.from_numpy(np.stack(known_masks)),
            boxes=Ragged.of([each.boxes for each in found]),
            columns=Ragged.of([each.columns for each in found]),
            scores=Ragged.of([each.scores for each in found]),
            known_boxes=torch.from_numpy(
                np.stack([_flags(view.known.boxes - view.known.dense, count)[things] for view in views])
            ),
            ignored_boxes=Ragged.of([each.ignored_boxes for each in found]),
            ignored_columns=Ragged.of([each.ignored_columns for each in found]),
            present=torch.from_numpy(np.stack(present)),
            action=torch.tensor(actions),
            blocked=torch.tensor(blocked),
            dense=self._dense(views, column, (height, width)),
        )

    def _dense(self, views: Sequence[View], column: np.ndarray, size: tuple[int, int]) -> DenseTruth | None:
        if not any(view.known.dense for view in views):
            return None
        count, things = len(self.space), list(self.space.things)
        taught = np.stack([_flags(view.known.dense, count)[things] for view in views])
        sampled = [sample(view.tiles, size, self.detection_strides) for view in views]
        cells = sum(rows * columns for rows, columns in grid_sizes(size, self.detection_strides))
        return DenseTruth.of(sampled, taught, column, cells)


def _flags(class_ids: Collection[int], count: int) -> np.ndarray:
    flags = np.zeros(count, bool)
    flags[list(class_ids)] = True
    return flags


@dataclass(frozen=True)
class _Boxes:
    """The boxes of a view that are of things, by column, without those that dense labels teach."""

    boxes: np.ndarray
    columns: np.ndarray
    scores: np.ndarray
    ignored_boxes: np.ndarray
    ignored_columns: np.ndarray

    @classmethod
    def of(cls, view: View, column: np.ndarray) -> _Boxes:
        columns = column[view.class_ids]
        ignored = np.where(view.ignored_ids < 0, -1, column[view.ignored_ids])
        # Where boxes teach nothing, there is nothing to leave out either.
        thing, matters = columns >= 0, (ignored >= -1) & bool(view.known.boxes - view.known.dense)
        thing &= ~np.isin(view.class_ids, list(view.known.dense))
        return cls(
            view.boxes[thing].astype(np.float32),
            columns[thing].astype(np.int64),
            view.scores[thing].astype(np.float32),
            view.ignored_boxes[matters].astype(np.float32),
            ignored[matters].astype(np.int64),
        )
