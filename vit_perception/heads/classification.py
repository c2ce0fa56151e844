"""Which classes are in the picture: one independent score a class (multi-label)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from vit_perception.backbones.features import TokenFeatures

# As timm names them: the class token (in a backbone without one, the mean), the mean and the maximum.
POOLINGS: dict[str, Callable[[TokenFeatures], Tensor]] = {
    "token": lambda features: features.cls_token,
    "avg": lambda features: features.patch_tokens.mean(dim=1),
    "max": lambda features: features.patch_tokens.amax(dim=1),
}
ALL_POOLINGS = tuple(POOLINGS)


class ClassificationHead(nn.Module):
    """Pooled tokens, joined, → {"classification": logits (B, num_classes)}, for a sigmoid each.

    The maximum sees a small object that the mean drowns.

    Raises:
        ValueError: a pooling is unknown, or there is none.
    """

    def __init__(self, embed_dim: int, num_classes: int, pooling: Sequence[str] = ALL_POOLINGS) -> None:
        super().__init__()
        if unknown := sorted(set(pooling) - set(POOLINGS)):
            raise ValueError(f"unknown pooling {unknown[0]!r}: choose from {', '.join(POOLINGS)}")
        if not pooling:
            raise ValueError(f"pooling is empty: choose from {', '.join(POOLINGS)}")
        self.pooling = tuple(pooling)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(embed_dim * len(self.pooling), num_classes)

    def forward(self, features: TokenFeatures) -> dict[str, Tensor]:
        pooled = torch.cat([POOLINGS[name](features) for name in self.pooling], dim=-1)
        return {"classification": self.fc(self.dropout(pooled))}


class DistilledHead(nn.Module):
    """Class and distillation token, each with its own layer (Touvron et al. 2021), → logits (B, num_classes).

    In evaluation their mean; in training `classification` of the class token, which learns the
    labels, and `classification_distilled` of the distillation token, which learns what a teacher says.
    """

    def __init__(self, embed_dim: int, num_classes: int) -> None:
        super().__init__()
        self.head = nn.Linear(embed_dim, num_classes)
        self.head_dist = nn.Linear(embed_dim, num_classes)

    def forward(self, features: TokenFeatures) -> dict[str, Tensor]:
        if features.prefix_tokens.shape[1] < 2:
            raise ValueError(
                "the distilled head reads a distillation token: use a backbone with distilled: true"
            )
        label, distilled = self.head(features.cls_token), self.head_dist(features.prefix_tokens[:, 1])
        if self.training:
            return {"classification": label, "classification_distilled": distilled}
        return {"classification": (label + distilled) / 2}
