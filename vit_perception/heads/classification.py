"""Which classes are in the picture: one independent score a class (multi-label)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vit_perception.backbones.features import TokenFeatures


class ClassificationHead(nn.Module):
    """Class token, mean and maximum of the patches → logits (B, num_classes), for a sigmoid each.

    The maximum sees a small object that the mean drowns.
    """

    def __init__(self, embed_dim: int, num_classes: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(embed_dim * 3, num_classes)

    def forward(self, features: TokenFeatures) -> dict[str, Tensor]:
        patches = features.patch_tokens
        pooled = torch.cat([features.cls_token, patches.mean(dim=1), patches.amax(dim=1)], dim=-1)
        return {"classification": self.fc(self.dropout(pooled))}
