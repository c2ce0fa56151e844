"""Dense distillation: a student's cells learn what a detector sees in the same places (Dense Teacher, Zhou et
al. 2022), in place of boxes that are assigned to cells."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import generalized_box_iou_loss

from vit_perception.training.dense_sampling import Sampled

# How much boxes count beside scores, as in Generalised Focal Loss (Li et al. 2020).
_BOXES = 2.0


@dataclass(frozen=True)
class DenseTruth:
    """What the A cells of a student are to see in B pictures, for T things.

    Attributes:
        shape: (B, A, T).
        taught: (B, T) bool, the things that dense labels know; of each, all cells are known.
        places: (M, 3) int64 picture, cell and thing of each score that is not zero.
        scores: (M,) float32 in 0..1.
        box_cells: (N, 2) int64 picture and cell of each box.
        boxes: (N, 4) float32 in input pixels.
    """

    shape: tuple[int, int, int]
    taught: Tensor
    places: Tensor
    scores: Tensor
    box_cells: Tensor
    boxes: Tensor

    @classmethod
    def of(
        cls, pictures: Sequence[Sequence[Sampled]], taught: np.ndarray, column: np.ndarray, cells: int
    ) -> DenseTruth:
        """The truth of a batch.

        Args:
            pictures: of each picture, what its tiles have.
            taught: (B, T) bool, the things that dense labels know.
            column: (256,) class id → thing, negative for none.
            cells: A.
        """
        places, scores, box_cells, boxes = [], [], [], []
        for picture, tiles in enumerate(pictures):
            for tile in tiles:
                columns = column[tile.class_ids]
                row, which = np.nonzero((columns >= 0) & taught[picture][columns])
                at = tile.cells[row]
                places.append(np.stack([np.full(len(row), picture), at, columns[row, which]], axis=1))
                scores.append(tile.scores[row, which])
                boxed = tile.cells[tile.boxed]
                box_cells.append(np.stack([np.full(len(boxed), picture), boxed], axis=1))
                boxes.append(tile.boxes[tile.boxed])
        return cls(
            (len(pictures), cells, taught.shape[1]),
            torch.from_numpy(taught),
            torch.from_numpy(np.concatenate([np.zeros((0, 3), np.int64), *places])),
            torch.from_numpy(np.concatenate([np.zeros(0, np.float32), *scores])),
            torch.from_numpy(np.concatenate([np.zeros((0, 2), np.int64), *box_cells])),
            torch.from_numpy(np.concatenate([np.zeros((0, 4), np.float32), *boxes])),
        )

    def to(self, device: torch.device, non_blocking: bool = False) -> DenseTruth:
        """The same on `device`."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> DenseTruth:
        """The same in memory from which a GPU copies fast."""
        return self._each(lambda tensor: tensor.pin_memory())

    def _each(self, change: Callable[[Tensor], Tensor]) -> DenseTruth:
        fields: dict[str, Any] = {
            name: change(value) for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return dataclasses.replace(self, **fields)


def dense_loss(boxes: Tensor, logits: Tensor, truth: DenseTruth, divisor: float) -> Tensor:
    """Cross-entropy of the scores, weighted by how far the student is from the detector (Quality Focal Loss
    with an exponent of 1), and generalised IoU of the boxes, weighted by the detector's best score.

    Args:
        boxes: (B, A, 4), as the detection head gives them.
        logits: (B, A, T).
        truth: what they are to be.
        divisor: of the loss.

    Raises:
        ValueError: the head has another number of cells than the truth.
    """
    if logits.shape != truth.shape:
        raise ValueError(
            f"the detection head gives scores of shape {tuple(logits.shape)}, and dense labels were made for "
            f"{truth.shape}: this backbone cannot learn from them; delete the folder dense of the dataset"
        )
    _, cells, things = truth.shape
    picture, cell, thing = truth.places.unbind(1)
    # Two labels of the detector may be one thing here: the better one counts.
    flat = logits.new_zeros(logits.numel())
    flat.scatter_reduce_(0, (picture * cells + cell) * things + thing, truth.scores, "amax")
    targets = flat.view_as(logits)
    weight = (targets - logits.detach().sigmoid()).abs() * truth.taught[:, None]
    scores = (F.binary_cross_entropy_with_logits(logits, targets, reduction="none") * weight).sum()
    picture, cell = truth.box_cells.unbind(1)
    overlap = generalized_box_iou_loss(boxes[picture, cell], truth.boxes, reduction="none")
    boxes_lost = (overlap * targets[picture, cell].amax(dim=-1)).sum()
    return (scores + _BOXES * boxes_lost) / divisor
