"""Labels of a training view: classes present, way ahead, and the batch as tensors."""

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

PRESENT = 0.004  # the share of a picture from which on a class counts as in it
IGNORE = -100  # of an action: there is no mask to tell


@dataclass(frozen=True)
class Batch:
    """image (B, 3, H, W) normalised; semantic (B, H/3.5, W/3.5) int64, 255 unlabelled; boxes and
    class_ids: a tensor an image, class_ids index `THINGS`; present (B, C) 0, 1 or NaN where unknown;
    action (B,) int64 or IGNORE; blocked (B,) 0, 1 or NaN."""

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
    """Action and whether the way is blocked, from the ground in the lower part of a mask (H, W).

    The lower two fifths are cut into left, middle and right; a third with half of its labelled
    pixels on the ground is free. The middle wins, then the freer side; nothing free means stop.
    None where under half of the lower part is labelled.
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
    """(C,) 1 present, 0 absent, NaN unknown: without a mask only the boxed classes are known."""
    present = np.zeros(len(LABELS), np.float32)
    present[visible_classes(view.semantic, PRESENT)] = 1.0
    present[view.class_ids] = 1.0
    if not view.labelled:
        unknown = np.array([c not in THINGS for c in range(len(LABELS))])
        present[unknown & (present == 0)] = np.nan
    return present


def collate(views: list[View], mean: tuple[float, ...], std: tuple[float, ...], stride: float) -> Batch:
    """Views of one size as a batch; the mask is sampled at the cells of the segmentation head."""
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
