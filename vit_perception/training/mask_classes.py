"""What the mask loss knows of the classes: how much each counts, and which are one coarse group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

# A rare class counts at most so many times as much as one that fills all pictures.
_MOST = 8.0


@dataclass(frozen=True)
class MaskClasses:
    """C classes, in G groups.

    Attributes:
        weights: (C,) float32, what a pixel of each class counts in the loss.
        groups: (C,) int64, the group of each class; as many groups as classes where there are none.
        group_weights: (G,) float32, what a pixel of each group counts in the loss of groups.
    """

    weights: Tensor
    groups: Tensor
    group_weights: Tensor

    @classmethod
    def of(cls, pixels: np.ndarray, groups: Sequence[int] | None = None) -> MaskClasses:
        """Weights by the inverse square root of each class's share of the pixels.

        Args:
            pixels: (C,) of each class in the training pictures, in any unit.
            groups: the group of each class, from 0; None where each is a group of its own.
        """
        table = np.arange(len(pixels)) if groups is None else np.array(groups)
        return cls(
            _weights(pixels),
            torch.from_numpy(table.astype(np.int64)),
            _weights(np.bincount(table, weights=pixels)),
        )

    @property
    def grouped(self) -> bool:
        """Whether there are groups."""
        return len(self.group_weights) < len(self.weights)

    @cached_property
    def members(self) -> list[Tensor]:
        """The classes of each group."""
        return [(self.groups == group).nonzero()[:, 0] for group in range(len(self.group_weights))]

    def to(self, device: torch.device) -> MaskClasses:
        """The same on `device`."""
        return MaskClasses(*(each.to(device) for each in (self.weights, self.groups, self.group_weights)))

    def count(self, semantic: Tensor) -> tuple[float, float]:
        """Labelled pixels of masks, each by the weight of its class, and each by the weight of its group.

        Args:
            semantic: (B, h, w) int64 class ids on the CPU, 255 unlabelled.
        """
        pixels = torch.bincount(semantic.flatten(), minlength=256)[: len(self.weights)].double()
        weights, by_group = self.weights.cpu().double(), self.group_weights.cpu().double()
        return float(pixels @ weights), float(pixels @ by_group[self.groups.cpu()])

    def group_logits(self, logits: Tensor) -> Tensor:
        """(B, C, h, w) logits of a softmax → (B, G, h, w): a group is as probable as its classes together."""
        return torch.stack([logits[:, each].logsumexp(dim=1) for each in self.members], dim=1)

    def grouped_truth(self, truth: Tensor) -> Tensor:
        """Class ids of any shape, 255 unlabelled → ids of their groups."""
        return F.pad(self.groups, (0, 256 - len(self.groups)), value=255)[truth]


def _weights(pixels: np.ndarray) -> Tensor:
    weights = (1 / np.sqrt(np.maximum(pixels / max(pixels.sum(), 1e-9), 1e-3))).clip(max=_MOST)
    return torch.tensor(weights / weights.mean(), dtype=torch.float32)
