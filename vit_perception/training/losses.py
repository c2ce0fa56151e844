"""The loss of each head, and their weighted sum. What is unknown adds nothing to any of them.

Each part is a sum over the pictures of a batch, divided by a count over all batches of a step, in all
processes. So a step has the same gradient however its pictures are spread over batches and processes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import generalized_box_iou_loss

from vit_perception.runtime.results import UNLABELLED
from vit_perception.training.assign import assign, inside_boxes
from vit_perception.training.config import LossWeights
from vit_perception.training.dense_loss import dense_loss
from vit_perception.training.mask_classes import MaskClasses
from vit_perception.training.targets import IGNORE, Batch

# In float32 the softmax of such a logit is exactly zero, and unlike infinity it gives no NaN.
_IMPOSSIBLE = -1e4


@dataclass(frozen=True)
class Counts:
    """What the parts of a loss are divided by.

    Attributes:
        objects: boxes, each by its score.
        pixels: labelled pixels, each by the weight of its class.
        grouped_pixels: the same, each by the weight of its group.
        masks: pictures with labelled pixels.
        present: entries of `Batch.present` that are known.
        ways: pictures whose way ahead is known.
        dense: scores of the cells that dense labels teach.
        boxed: pictures that boxes teach.
        densely_boxed: pictures that dense labels teach.
        pictures: all of them.
    """

    objects: float
    pixels: float
    grouped_pixels: float
    masks: float
    present: float
    ways: float
    dense: float
    boxed: float
    densely_boxed: float
    pictures: float

    @classmethod
    def of(cls, batches: Sequence[Batch], classes: MaskClasses) -> Counts:
        """The counts of some batches."""
        pixels = [classes.count(batch.semantic) for batch in batches]
        return cls(
            objects=float(sum(batch.scores.values.sum() for batch in batches)),
            pixels=sum(by_class for by_class, _ in pixels),
            grouped_pixels=sum(by_group for _, by_group in pixels),
            masks=float(sum((b.semantic != UNLABELLED).flatten(1).any(1).sum() for b in batches)),
            present=float(sum((~batch.present.isnan()).sum() for batch in batches)),
            ways=float(sum((batch.action != IGNORE).sum() for batch in batches)),
            dense=float(sum(batch.dense.scores.sum() for batch in batches if batch.dense is not None)),
            boxed=float(sum(batch.known_boxes.any(1).sum() for batch in batches)),
            densely_boxed=float(sum(b.dense.taught.any(1).sum() for b in batches if b.dense is not None)),
            pictures=float(sum(len(batch.pixels) for batch in batches)),
        )

    def divisors(self) -> tuple[float, float]:
        """Of the loss of boxes, and of that of dense labels: each counts by its share of the pictures, or one
        picture with boxes among many with dense labels would count as much as all of them."""
        pictures = max(self.boxed + self.densely_boxed, 1.0)
        return (
            max(self.objects, 1.0) * pictures / max(self.boxed, 1.0),
            max(self.dense, 1.0) * pictures / max(self.densely_boxed, 1.0),
        )

    def tensor(self) -> Tensor:
        """(10,) float64, to add up over processes."""
        return torch.tensor(dataclasses.astuple(self), dtype=torch.float64)

    @classmethod
    def from_tensor(cls, values: Tensor) -> Counts:
        """What `tensor` gave."""
        return cls(*values.tolist())


def detection_loss(
    boxes: Tensor, logits: Tensor, centres: Tensor, batch: Batch, divisor: float
) -> dict[str, Tensor]:
    """`scores`: varifocal loss with soft targets. `boxes`: generalised IoU of the assigned boxes.

    A score has no loss where its class is unknown, or in an ignored box, unless its cell has an object of
    this class. Targets are multiplied by the labeller's score.

    Args:
        boxes: (B, A, 4), as the detection head gives them.
        logits: (B, A, T).
        centres: (A, 2), of the cells.
        batch: the truth.
        divisor: of both sums.
    """
    targets = torch.zeros_like(logits)
    known = batch.known_boxes[:, None].expand_as(logits).clone()
    box_loss = boxes.sum() * 0.0
    by_picture = zip(
        batch.boxes, batch.columns, batch.scores, batch.ignored_boxes, batch.ignored_columns, strict=True
    )
    for index, (truth, columns, certainty, ignored, ignored_columns) in enumerate(by_picture):
        if len(ignored):
            _forget_ignored(known[index], centres, ignored, ignored_columns)
        if not len(truth):
            continue
        with torch.no_grad():
            owner, soft = assign(logits[index].sigmoid(), boxes[index], centres, truth, columns)
        cells = (owner >= 0).nonzero().squeeze(1)
        mine = owner[cells]
        targets[index, cells, columns[mine]] = soft[cells] * certainty[mine]
        known[index, cells, columns[mine]] = True
        weight = soft[cells].clamp(min=0.05)
        total = torch.zeros_like(certainty).index_add(0, mine, weight)
        giou = generalized_box_iou_loss(boxes[index, cells], truth[mine], reduction="none")
        box_loss = box_loss + (giou * weight / total[mine] * certainty[mine]).sum()
    # Varifocal weighting (Zhang et al. 2021): hard negatives count, positives count by their quality.
    focus = torch.where(targets > 0, targets, 0.75 * logits.detach().sigmoid().square()) * known
    cross_entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return {"scores": (cross_entropy * focus).sum() / divisor, "boxes": box_loss / divisor}


def _forget_ignored(known: Tensor, centres: Tensor, boxes: Tensor, columns: Tensor) -> None:
    """Make (A, T) `known` false at the cells in ignored boxes: of their column, or of all (-1)."""
    for inside, column in zip(inside_boxes(centres, boxes), columns.tolist(), strict=True):
        known[inside, slice(None) if column < 0 else column] = False


def segmentation_loss(
    logits: Tensor, truth: Tensor, known: Tensor, classes: MaskClasses, counts: Counts
) -> dict[str, Tensor]:
    """`mask`: weighted cross-entropy over the known classes. `mask_groups`: the same over coarse groups,
    which are learned long before their many classes. `dice`: mean over the classes in a picture.

    Args:
        logits: (B, C, h, w).
        truth: (B, h, w) int64 class ids, 255 unlabelled.
        known: (B, C) bool; the logits of the other classes take no part.
        classes: their weights and groups.
        counts: the divisors.
    """
    labelled = (truth != UNLABELLED)[:, None]
    logits = logits.masked_fill(~known[..., None, None], _IMPOSSIBLE)
    probability = logits.softmax(dim=1) * labelled
    one_hot = F.one_hot(truth.where(labelled[:, 0], 0), logits.shape[1]).permute(0, 3, 1, 2) * labelled
    area, overlap = one_hot.sum(dim=(2, 3)), (probability * one_hot).sum(dim=(2, 3))
    dice = 1 - (2 * overlap + 1) / (probability.sum(dim=(2, 3)) + area + 1)
    there = area > 0
    by_picture = (dice * there).sum(dim=1) / there.sum(dim=1).clamp(min=1)
    parts = {
        "mask": _cross_entropy(logits, truth, classes.weights, counts.pixels),
        "dice": by_picture.sum() / max(counts.masks, 1.0),
    }
    if classes.grouped:
        parts["mask_groups"] = _cross_entropy(
            classes.group_logits(logits),
            classes.grouped_truth(truth),
            classes.group_weights,
            counts.grouped_pixels,
        )
    return parts


def _cross_entropy(logits: Tensor, truth: Tensor, weights: Tensor, count: float) -> Tensor:
    """Weighted cross-entropy of the labelled pixels, divided by `count`."""
    lost = F.cross_entropy(logits, truth, weight=weights, ignore_index=UNLABELLED, reduction="sum")
    return lost / max(count, 1e-6)


def known_bce(logits: Tensor, truth: Tensor, count: float) -> Tensor:
    """Binary cross-entropy over the entries of `truth` that are not NaN, divided by `count`; any shape."""
    # Chosen by a mask, a GPU would wait here to learn how many there are.
    lost = F.binary_cross_entropy_with_logits(logits, truth.nan_to_num(), reduction="none")
    return lost.where(~truth.isnan(), 0.0).sum() / max(count, 1.0)


def total_loss(
    outputs: dict[str, Tensor],
    batch: Batch,
    classes: MaskClasses,
    counts: Counts,
    weights: LossWeights,
    taught: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The share of a batch in the loss of its step.

    Args:
        outputs: of a model in training mode.
        batch: the truth.
        classes: of the masks.
        counts: of the whole step.
        weights: what each part counts for.
        taught: (C,) bool, the classes that the distillation token learns from a teacher, not from the labels;
            None for none.

    Returns:
        loss: the parts, weighted and added up.
        parts: each part by its name, not weighted, detached.
    """
    outputs = {name: value.float() for name, value in outputs.items()}
    of_boxes, of_dense = counts.divisors()
    parts = detection_loss(
        outputs["detection_boxes"],
        outputs["detection_scores"],
        outputs["detection_centres"],
        batch,
        of_boxes,
    )
    parts["dense"] = (
        torch.zeros(())
        if batch.dense is None
        else dense_loss(outputs["detection_boxes"], outputs["detection_scores"], batch.dense, of_dense)
    )
    parts |= segmentation_loss(outputs["segmentation"], batch.semantic, batch.known_masks, classes, counts)
    parts["present"] = known_bce(outputs["classification"], batch.present, counts.present)
    if "classification_distilled" in outputs:  # what no teacher tells it, it learns from the labels too
        told = batch.present if taught is None else batch.present.masked_fill(taught, torch.nan)
        parts["distilled"] = known_bce(outputs["classification_distilled"], told, counts.present)
    parts["blocked"] = known_bce(outputs["navigation_collision"].squeeze(1), batch.blocked, counts.ways)
    parts["action"] = F.cross_entropy(
        outputs["navigation_action"], batch.action, ignore_index=IGNORE, reduction="sum"
    ) / max(counts.ways, 1.0)
    loss = sum((getattr(weights, name) * value for name, value in parts.items()), torch.zeros(()))
    return loss, {name: value.detach() for name, value in parts.items()}
