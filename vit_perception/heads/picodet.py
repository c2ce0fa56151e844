"""The head of PicoDet (Yu et al. 2021), on the neck of `backbones/picodet.py`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from vit_perception.backbones.picodet import NECK_CHANNELS, NECK_STRIDES, separable
from vit_perception.heads.detection import AnchorFreeHead
from vit_perception.layers.conv import initialise

# A distance is one of so many cells, from 0 on, or between two of them.
_BINS = 8
_SIDES = 4
# Channels of the distances of a cell.
DISTANCES = _SIDES * _BINS


class PicoDetHead(AnchorFreeHead):
    """Maps of the neck → boxes and scores of A cells, as `DetectionHead` gives them.

    Each level has convolutions of its own. A distance is the mean of a distribution over whole cells
    (generalised focal loss, Li et al. 2020).

    Args:
        num_things: number of classes of objects.
    """

    bins: Tensor

    def __init__(self, num_things: int) -> None:
        super().__init__({str(stride): float(stride) for stride in NECK_STRIDES})
        self.towers = self._of_levels(
            lambda: nn.Sequential(separable(NECK_CHANNELS), separable(NECK_CHANNELS))
        )
        self.scores = self._of_levels(lambda: nn.Conv2d(NECK_CHANNELS, num_things, 1))
        self.distances = self._of_levels(lambda: nn.Conv2d(NECK_CHANNELS, DISTANCES, 1))
        initialise(self)
        for scores in self.scores.values():
            assert isinstance(scores, nn.Conv2d)
            self.expect_few(scores)
        self.register_buffer("bins", torch.arange(_BINS, dtype=torch.float32), persistent=False)

    def _of_levels(self, make: Callable[[], nn.Module]) -> nn.ModuleDict:
        return nn.ModuleDict({level: make() for level in self.strides})

    def predict(self, level: str, feature: Tensor) -> tuple[Tensor, Tensor]:
        feature = self.towers[level](feature)
        chances = (
            self.distances[level](feature).flatten(2).unflatten(1, (_SIDES, _BINS)).float().softmax(dim=2)
        )
        distances = (chances * self.bins[:, None]).sum(dim=2).transpose(1, 2)
        return self.scores[level](feature), distances
