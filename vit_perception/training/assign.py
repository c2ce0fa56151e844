"""Which cell of the detection head answers for which object."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import box_iou


def inside_boxes(centres: Tensor, boxes: Tensor) -> Tensor:
    """(G, A) bool: which of the centres (A, 2), x and y, lie inside which of the boxes (G, 4)."""
    distances = torch.cat([centres[None] - boxes[:, None, :2], boxes[:, None, 2:] - centres[None]], dim=-1)
    return distances.amin(-1) > 0


def assign(
    scores: Tensor, boxes: Tensor, centres: Tensor, truth: Tensor, columns: Tensor, topk: int = 10
) -> tuple[Tensor, Tensor]:
    """Task-aligned assignment (TOOD, Feng et al. 2021): an object goes to the cells that predict it best.

    Args:
        scores: (A, T) probabilities of the cells.
        boxes: (A, 4) boxes of the cells, x_min, y_min, x_max, y_max in input pixels.
        centres: (A, 2) centres of the cells, x and y in input pixels.
        truth: (G, 4) boxes of the objects, as `boxes`.
        columns: (G,) columns of `scores`.
        topk: most cells for an object.

    Returns:
        owner: (A,) the object of each cell, -1 for none.
        soft: (A,) target score of each cell, 0 to 1.
    """
    overlap = box_iou(truth, boxes).clamp(min=0)
    quality = scores[:, columns].T.sqrt() * overlap.pow(6)
    inside = inside_boxes(centres, truth)
    # An object smaller than a cell may hold no centre: the nearest cell then answers for it.
    nearest = ((truth[:, :2] + truth[:, 2:])[:, None] / 2 - centres[None]).square().sum(-1).argmin(dim=1)
    inside[torch.arange(len(truth)), nearest] = True
    # Where nothing overlaps yet, every quality is zero; the small term prefers the middle of the object.
    distance = ((truth[:, :2] + truth[:, 2:])[:, None] / 2 - centres[None]).norm(dim=-1)
    preference = (quality + 1e-9 / (1 + distance)) * inside
    chosen = torch.zeros_like(inside).scatter_(
        1, preference.topk(min(topk, preference.shape[1]), dim=1).indices, True
    )
    chosen &= inside
    value, owner = (overlap * chosen).max(dim=0)
    owner = torch.where(chosen.any(dim=0), torch.where(value > 0, owner, chosen.int().argmax(dim=0)), -1)
    mine = owner[None] == torch.arange(len(truth), device=owner.device)[:, None]
    best_quality = (quality * mine).amax(dim=1, keepdim=True).clamp(min=1e-9)
    best_overlap = (overlap * mine).amax(dim=1, keepdim=True)
    return owner, (quality * mine / best_quality * best_overlap).amax(dim=0)
