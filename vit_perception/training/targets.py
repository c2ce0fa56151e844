"""The truth of a batch: classes present, boxes, mask and way ahead, as tensors."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from vit_perception.data.classes import ACTIONS, GROUND, LABELS, THINGS
from vit_perception.data.coco import visible_classes
from vit_perception.runtime.results import UNLABELLED
from vit_perception.training.augment import View

PRESENT = 0.004  # share of a picture from which a class counts as present
IGNORE = -100  # the action where no mask tells which is right


@dataclass(frozen=True)
class Batch:
    """Pictures and their truth.

    Attributes:
        image: (B, 3, H, W) normalised.
        semantic: (B, h, w) int64 class ids at the cells of the segmentation head, 255 unlabelled.
        boxes: (G, 4) for each image, x_min, y_min, x_max, y_max in input pixels.
        class_ids: (G,) for each image, indices of `THINGS`.
        present: (B, C) 0, 1, or NaN where unknown.
        action: (B,) int64 indices of `ACTIONS`, or IGNORE.
        blocked: (B,) 0, 1, or NaN where unknown.
    """

    image: Tensor
    semantic: Tensor
    boxes: list[Tensor]
    class_ids: list[Tensor]
    present: Tensor
    action: Tensor
    blocked: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch on `device`."""
        return Batch(
            image=self.image.to(device),
            semantic=self.semantic.to(device),
            boxes=[boxes.to(device) for boxes in self.boxes],
            class_ids=[class_ids.to(device) for class_ids in self.class_ids],
            present=self.present.to(device),
            action=self.action.to(device),
            blocked=self.blocked.to(device),
        )


def way_ahead(semantic: np.ndarray) -> tuple[int, bool] | None:
    """The right action, and whether the way is blocked, from the ground in the lower part of a mask.

    The lower two fifths are cut into left, middle and right. A third is free if at least half of its
    labelled pixels are ground. The middle wins, then the freer side; if none is free, the action is to stop.

    Args:
        semantic: (H, W) class ids.

    Returns:
        Index of `ACTIONS` and whether the middle is blocked; None where less than half of the lower part
        is labelled.
    """
    lower = semantic[int(semantic.shape[0] * 0.6) :]
    if lower.size == 0 or (lower != UNLABELLED).mean() < 0.5:
        return None
    free = [
        (part == GROUND).sum() / max((part != UNLABELLED).sum(), 1)
        for part in np.array_split(lower, 3, axis=1)
    ]
    left, middle, right = free
    if middle >= 0.5:
        return ACTIONS.index("forward"), False
    if max(left, right) >= 0.5:
        return ACTIONS.index("turn_left" if left >= right else "turn_right"), True
    return ACTIONS.index("stop"), True


def classes_present(view: View) -> np.ndarray:
    """(C,) 1 present, 0 absent, NaN unknown: without a mask only the classes that have boxes are known."""
    present = np.zeros(len(LABELS), np.float32)
    present[visible_classes(view.semantic, PRESENT)] = 1.0
    present[view.class_ids] = 1.0
    if not view.labelled:
        unknown = np.array([c not in THINGS for c in range(len(LABELS))])
        present[unknown & (present == 0)] = np.nan
    return present


def collate(views: list[View], mean: tuple[float, ...], std: tuple[float, ...], stride: float) -> Batch:
    """Views of one size as a batch.

    Args:
        views: All of one height and width.
        mean: Of the three channels, for pixels from 0 to 1.
        std: As `mean`.
        stride: Pixels a side of the segmentation head's cells, at which the masks are sampled.
    """
    height, width = views[0].rgb.shape[:2]
    cells = (round(width / stride), round(height / stride))
    images, masks, actions, blocked = [], [], [], []
    for view in views:
        images.append(((view.rgb.astype(np.float32) / 255 - mean) / std).transpose(2, 0, 1))
        masks.append(cv2.resize(view.semantic, cells, interpolation=cv2.INTER_NEAREST_EXACT))
        x0, y0, x1, y1 = view.content
        way = way_ahead(view.semantic[y0:y1, x0:x1])
        actions.append(IGNORE if way is None else way[0])
        blocked.append(np.nan if way is None else float(way[1]))
    column = {class_id: index for index, class_id in enumerate(THINGS)}
    return Batch(
        image=torch.from_numpy(np.stack(images).astype(np.float32)),
        semantic=torch.from_numpy(np.stack(masks)).long(),
        boxes=[torch.from_numpy(view.boxes) for view in views],
        class_ids=[
            torch.tensor([column[c] for c in view.class_ids.tolist()], dtype=torch.long) for view in views
        ],
        present=torch.from_numpy(np.stack([classes_present(view) for view in views])),
        action=torch.tensor(actions),
        blocked=torch.tensor(blocked),
    )
