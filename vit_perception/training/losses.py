"""What each head is asked to get right; unknown labels cost nothing."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import box_iou, generalized_box_iou_loss

from vit_perception.runtime.results import UNLABELLED
from vit_perception.training.targets import IGNORE, Batch

WEIGHTS = {
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
    """Task-aligned assignment (Feng et al. 2021): the cells that already answer an object best.

    scores (A, T) probabilities, boxes (A, 4), centres (A, 2), truth (G, 4), class_ids (G,).
    Returns the object of each cell (A,), -1 for none, and its soft target (A,) in 0..1.
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
    """Soft-target focal loss of the scores, generalised IoU of the assigned boxes."""
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
    """Weighted cross-entropy, and dice over the classes that are there; logits (B, C, h, w)."""
    known = truth != UNLABELLED
    if not known.any():
        return {"mask": logits.sum() * 0.0, "dice": logits.sum() * 0.0}
    cross_entropy = F.cross_entropy(logits, truth, weight=class_weights, ignore_index=UNLABELLED)
    probability = logits.softmax(dim=1) * known[:, None]
    one_hot = F.one_hot(truth.where(known, 0), logits.shape[1]).permute(0, 3, 1, 2) * known[:, None]
    area = one_hot.sum(dim=(0, 2, 3))
    dice = 1 - (2 * (probability * one_hot).sum((0, 2, 3)) + 1) / (probability.sum((0, 2, 3)) + area + 1)
    return {"mask": cross_entropy, "dice": dice[area > 0].mean()}


def known_bce(logits: Tensor, truth: Tensor) -> Tensor:
    """Binary cross-entropy over the entries that are not NaN."""
    known = ~truth.isnan()
    if not known.any():
        return logits.sum() * 0.0
    return F.binary_cross_entropy_with_logits(logits[known], truth[known])


def total_loss(
    outputs: dict[str, Tensor], batch: Batch, class_weights: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """Weighted sum of all heads' losses on what a model gives in training, and each part as a number."""
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
    loss = sum((WEIGHTS[name] * value for name, value in parts.items()), torch.zeros(()))
    return loss, {name: float(value.detach()) for name, value in parts.items()}
