"""The loss of a navigator: imitation of the expert, and what it should know to decide."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from vit_perception.training.navigation.config import NavigationWeights
from vit_perception.training.navigation.drives import DriveBatch


def navigation_loss(
    outputs: Mapping[str, Tensor], batch: DriveBatch, weights: NavigationWeights, max_range: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of a batch, a mean over its frames.

    Args:
        outputs: of a `NavigationHead`.
        batch: the truth.
        weights: what each part counts for.
        max_range: metres beyond which the scan does not see.

    Returns:
        loss: the parts, weighted and added up.
        parts: each by its name, not weighted, detached.
    """
    found = {name: value.float() for name, value in outputs.items()}
    scan = batch.scan.clamp(max=max_range)
    told = ~batch.goal_distance.isnan()
    distance = found["navigation_goal_distance"].squeeze(1)[told].log1p()
    parts = {
        "action": F.cross_entropy(found["navigation_action"], batch.action),
        "collision": F.binary_cross_entropy_with_logits(
            found["navigation_collision"].squeeze(1), batch.collision
        ),
        # A sum, for a batch may have no goal at all.
        "goal_distance": F.smooth_l1_loss(distance, batch.goal_distance[told].log1p(), reduction="sum")
        / max(int(told.sum()), 1),
        "path": (found["navigation_path"] - batch.path).abs().mean(),
        # In logarithms, as what is near matters most.
        "scan": (found["navigation_scan"].log1p() - scan.log1p()).abs().mean(),
    }
    if "navigation_free_space" in found:
        parts["free_space"] = _free_space_loss(found["navigation_free_space"], batch.free_space)
    # What counts for nothing is left out, or weight decay would move what it alone trains.
    counted = {name: weight for name in parts if (weight := getattr(weights, name)) > 0}
    loss = sum((weight * parts[name] for name, weight in counted.items()), torch.zeros(()))
    return loss, {name: value.detach() for name, value in parts.items()}


def _free_space_loss(logits: Tensor, rows: Tensor) -> Tensor:
    """Cross-entropy of places (B, R, W) and rows (B, W), shares.

    The truth is spread over its neighbours: a place beside the right one is nearly right.
    """
    count = logits.shape[1]
    places = (torch.arange(count, device=logits.device) + 0.5) / count
    told = ~rows.isnan()
    apart = (places[:, None] - rows.nan_to_num().unsqueeze(1)) * count
    right = torch.softmax(-0.5 * apart.square(), dim=1)
    each = -(right * logits.log_softmax(dim=1)).sum(dim=1)
    # A sum, for in a batch nobody may know.
    return (each * told).sum() / told.sum().clamp(min=1)
