"""Classification: which classes are in the image, with an independent score for each (multi-label)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from vit_perception.backbones.features import TokenFeatures

# By timm's names: the class token (the mean, in a backbone without one), the mean and the maximum of patches.
POOLINGS: dict[str, Callable[[TokenFeatures], Tensor]] = {
    "token": lambda features: features.cls_token,
    "avg": lambda features: features.patch_tokens.mean(dim=1),
    "max": lambda features: features.patch_tokens.amax(dim=1),
}
ALL_POOLINGS = tuple(POOLINGS)


class ClassificationHead(nn.Module):
    """TokenFeatures → {"classification": logits (B, num_classes)}, for a sigmoid each.

    A linear layer on the concatenated poolings of the tokens. Beside a detector there is another, on the best
    score that it gives to each of its classes anywhere: what it finds is in the image, however small.

    Args:
        embed_dim: D, channels of the backbone's tokens.
        num_classes: number of classes.
        pooling: keys of POOLINGS, in the order in which they are concatenated.
        num_things: number of classes of the detector; 0 without one.

    Raises:
        ValueError: a pooling is unknown, or there is none.
    """

    def __init__(
        self,
        embed_dim: int,
        num_classes: int,
        pooling: Sequence[str] = ALL_POOLINGS,
        num_things: int = 0,
    ) -> None:
        super().__init__()
        if unknown := sorted(set(pooling) - set(POOLINGS)):
            raise ValueError(f"unknown pooling {unknown[0]!r}: choose from {', '.join(POOLINGS)}")
        if not pooling:
            raise ValueError(f"pooling is empty: choose from {', '.join(POOLINGS)}")
        self.pooling = tuple(pooling)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(embed_dim * len(self.pooling), num_classes)
        self.things = nn.Linear(num_things, num_classes, bias=False) if num_things else None

    def forward(self, features: TokenFeatures, scores: Tensor | None = None) -> dict[str, Tensor]:
        """Classify.

        Args:
            features: of the image.
            scores: `detection_scores` (B, A, num_things) of the detector, which learns nothing from this.

        Raises:
            ValueError: there is a detector, and its scores are missing.
        """
        pooled = [POOLINGS[name](features) for name in self.pooling]
        logits = self.fc(self.dropout(torch.cat(pooled, dim=-1)))
        if self.things is not None:
            if scores is None:
                raise ValueError("this head of classes reads the scores of a detector: pass them")
            logits = logits + self.things(scores.detach().amax(dim=1))
        return {"classification": logits}


class DistilledHead(nn.Module):
    """TokenFeatures → logits (B, num_classes), for a sigmoid each (DeiT, Touvron et al. 2021).

    The class token and the distillation token each have a linear layer. In training, the logits are
    `classification`, of the class token, which learns from labels, and `classification_distilled`, of the
    distillation token, which learns from a teacher. In evaluation, `classification` is their mean.

    Args:
        embed_dim: D, channels of the backbone's tokens.
        num_classes: number of classes.
    """

    def __init__(self, embed_dim: int, num_classes: int) -> None:
        super().__init__()
        self.head = nn.Linear(embed_dim, num_classes)
        self.head_dist = nn.Linear(embed_dim, num_classes)

    def forward(self, features: TokenFeatures) -> dict[str, Tensor]:
        """Classify.

        Raises:
            ValueError: the backbone has no distillation token.
        """
        if features.prefix_tokens.shape[1] < 2:
            raise ValueError(
                "the distilled head needs a distillation token: use a backbone with distilled: true"
            )
        labels, distilled = self.head(features.cls_token), self.head_dist(features.prefix_tokens[:, 1])
        if self.training:
            return {"classification": labels, "classification_distilled": distilled}
        return {"classification": (labels + distilled) / 2}
