"""The loss of each head, and their weighted sum. Unknown labels add nothing to any of them."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import box_iou, generalized_box_iou_loss

from vit_perception.data.coco import Photograph, class_pixels
from vit_perception.runtime.results import UNLABELLED
from vit_perception.training.targets import IGNORE, Batch

# What each part counts for in the total.
LOSS_WEIGHTS = {
    "boxes": 2.0,
    "scores": 1.0,
    "mask": 1.0,
    "dice": 0.5,
    "present": 0.5,
    "distilled": 0.5,
    "action": 0.2,
    "blocked": 0.2,
}


def assign(
    scores: Tensor, boxes: Tensor, centres: Tensor, truth: Tensor, class_ids: Tensor, topk: int = 10
) -> tuple[Tensor, Tensor]:
    """Task-aligned assignment (TOOD, Feng et al. 2021): an object goes to the cells that predict it best.

    Args:
        scores: (A, T) probabilities of the cells.
        boxes: (A, 4) boxes of the cells, x_min, y_min, x_max, y_max in input pixels.
        centres: (A, 2) centres of the cells, x and y in input pixels.
        truth: (G, 4) boxes of the objects, as `boxes`.
        class_ids: (G,) columns of `scores`.
        topk: Most cells for an object.

    Returns:
        owner: (A,) The object of each cell, -1 for none.
        soft: (A,) Target score of each cell, 0 to 1.
    """
    overlap = box_iou(truth, boxes).clamp(min=0)
    quality = scores[:, class_ids].T.sqrt() * overlap.pow(6)
    inside = (
        torch.cat([centres[None] - truth[:, None, :2], truth[:, None, 2:] - centres[None]], dim=-1).amin(-1)
        > 0
    )
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


def detection_loss(boxes: Tensor, logits: Tensor, centres: Tensor, batch: Batch) -> dict[str, Tensor]:
    """`scores`: focal loss with soft targets. `boxes`: generalised IoU of the assigned boxes.

    Args:
        boxes: (B, A, 4), as the detection head gives them.
        logits: (B, A, T).
        centres: (A, 2), of the cells.
        batch: Its `boxes` and `class_ids` are the truth.
    """
    targets = torch.zeros_like(logits)
    matched, wanted, weights = [], [], []
    for index, (truth, class_ids) in enumerate(zip(batch.boxes, batch.class_ids, strict=True)):
        if not len(truth):
            continue
        with torch.no_grad():
            owner, soft = assign(logits[index].sigmoid(), boxes[index], centres, truth, class_ids)
        cells = (owner >= 0).nonzero().squeeze(1)
        targets[index, cells, class_ids[owner[cells]]] = soft[cells]
        matched.append(boxes[index, cells])
        wanted.append(truth[owner[cells]])
        weights.append(soft[cells])
    total = targets.sum().clamp(min=1.0)
    probability = logits.sigmoid()
    # Varifocal weighting (Zhang et al. 2021): hard negatives count, positives count by their quality.
    focus = torch.where(targets > 0, targets, 0.75 * probability.detach().square())
    scores = (F.binary_cross_entropy_with_logits(logits, targets, reduction="none") * focus).sum() / total
    if not matched:
        return {"scores": scores, "boxes": boxes.sum() * 0.0}
    weight = torch.cat(weights).clamp(min=0.05)
    giou = generalized_box_iou_loss(torch.cat(matched), torch.cat(wanted), reduction="none")
    return {"scores": scores, "boxes": (giou * weight).sum() / weight.sum().clamp(min=1.0)}


def segmentation_loss(logits: Tensor, truth: Tensor, class_weights: Tensor) -> dict[str, Tensor]:
    """`mask`: weighted cross-entropy. `dice`: mean over the classes in the batch.

    Args:
        logits: (B, C, h, w).
        truth: (B, h, w) int64 class ids, 255 unlabelled.
        class_weights: (C,), see `mask_class_weights`.
    """
    known = truth != UNLABELLED
    if not known.any():
        return {"mask": logits.sum() * 0.0, "dice": logits.sum() * 0.0}
    cross_entropy = F.cross_entropy(logits, truth, weight=class_weights, ignore_index=UNLABELLED)
    probability = logits.softmax(dim=1) * known[:, None]
    one_hot = F.one_hot(truth.where(known, 0), logits.shape[1]).permute(0, 3, 1, 2) * known[:, None]
    area = one_hot.sum(dim=(0, 2, 3))
    dice = 1 - (2 * (probability * one_hot).sum((0, 2, 3)) + 1) / (probability.sum((0, 2, 3)) + area + 1)
    return {"mask": cross_entropy, "dice": dice[area > 0].mean()}


def mask_class_weights(photographs: list[Photograph], device: torch.device) -> Tensor:
    """(C,) Weight of each class in the mask loss: the inverse square root of its share of the pixels."""
    counts = sum(class_pixels(p.semantic) for p in photographs)
    weights = (1 / np.sqrt(np.maximum(counts / np.sum(counts), 1e-3))).clip(max=8.0)
    return torch.tensor(weights / weights.mean(), dtype=torch.float32, device=device)


def known_bce(logits: Tensor, truth: Tensor) -> Tensor:
    """Binary cross-entropy over the entries of `truth` that are not NaN; any shape."""
    known = ~truth.isnan()
    if not known.any():
        return logits.sum() * 0.0
    return F.binary_cross_entropy_with_logits(logits[known], truth[known])


def total_loss(
    outputs: dict[str, Tensor], batch: Batch, class_weights: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """The loss of a batch.

    Args:
        outputs: Of a model in training mode.
        batch: The truth.
        class_weights: (C,), of the mask loss.

    Returns:
        loss: The parts, weighted by `LOSS_WEIGHTS` and added up.
        parts: Each part by its name, not weighted.
    """
    outputs = {name: value.float() for name, value in outputs.items()}
    parts = detection_loss(
        outputs["detection_boxes"], outputs["detection_scores"], outputs["detection_centres"], batch
    )
    parts |= segmentation_loss(outputs["segmentation"], batch.semantic, class_weights)
    parts["present"] = known_bce(outputs["classification"], batch.present)
    if "classification_distilled" in outputs:  # without a teacher, it learns the labels too
        parts["distilled"] = known_bce(outputs["classification_distilled"], batch.present)
    parts["blocked"] = known_bce(outputs["navigation_collision"].squeeze(1), batch.blocked)
    if (batch.action != IGNORE).any():
        parts["action"] = F.cross_entropy(outputs["navigation_action"], batch.action, ignore_index=IGNORE)
    loss = sum((LOSS_WEIGHTS[name] * value for name, value in parts.items()), torch.zeros(()))
    return loss, {name: float(value.detach()) for name, value in parts.items()}
