"""Anchor-free detection, after FCOS (Tian et al. 2019).

Each cell of the pyramid predicts one object: its class scores, and the distances from the centre of the cell
to the four sides of its box.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn

from vit_perception.heads.pyramid import PyramidConfig, conv_block


def cell_centres(feature: Tensor, stride: float) -> Tensor:
    """Centres of a map's cells in input pixels, (h·w, 2) as x, y, in raster order.

    Args:
        feature: map (B, C, h, w).
        stride: input pixels for each cell.
    """
    y, x = (torch.arange(size, device=feature.device, dtype=torch.float32) for size in feature.shape[-2:])
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    return ((torch.stack([grid_x, grid_y], dim=-1) + 0.5) * stride).flatten(0, 1)


class AnchorFreeHead(nn.Module):
    """Maps of some levels → boxes and scores of A cells, from fine to coarse, each level in raster order.

    The outputs are `detection_boxes` (B, A, 4), as x_min, y_min, x_max, y_max in input pixels, and
    `detection_scores` (B, A, num_things), logits for a sigmoid each; in training also `detection_centres`
    (A, 2), the cells' centres x, y in input pixels, by which objects are assigned to cells.

    Args:
        strides: level → input pixels for each cell, from fine to coarse.
    """

    def __init__(self, strides: Mapping[str, float]) -> None:
        super().__init__()
        self.strides = dict(strides)

    @staticmethod
    def expect_few(scores: nn.Conv2d) -> None:
        """Let scores start near 1 %: objects are rare, and otherwise the first steps only unlearn false
        positives."""
        nn.init.normal_(scores.weight, std=0.01)
        assert scores.bias is not None
        nn.init.constant_(scores.bias, -math.log(99.0))

    def predict(self, level: str, feature: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, C, h, w) → logits (B, num_things, h, w), and distances (B, h·w, 4) to the left, upper,
        right and lower side, in cells."""
        raise NotImplementedError

    def forward(self, levels: Mapping[str, Tensor]) -> dict[str, Tensor]:
        boxes, scores, all_centres = [], [], []
        for level, stride in self.strides.items():
            centres = cell_centres(levels[level], stride)
            logits, distances = self.predict(level, levels[level])
            distances = distances * stride
            boxes.append(torch.cat([centres - distances[..., :2], centres + distances[..., 2:]], dim=-1))
            scores.append(logits.flatten(2).transpose(1, 2))
            all_centres.append(centres)
        outputs = {"detection_boxes": torch.cat(boxes, dim=1), "detection_scores": torch.cat(scores, dim=1)}
        return outputs | ({"detection_centres": torch.cat(all_centres)} if self.training else {})


class DetectionHead(AnchorFreeHead):
    """Feature pyramid → boxes and scores of the cells of its detection levels.

    The levels share their convolutions; each has a learned scale for its distances.

    Args:
        pyramid: its width and its detection levels.
        strides: level → input pixels for each cell.
        num_things: number of classes of objects.
    """

    def __init__(self, pyramid: PyramidConfig, strides: Mapping[str, float], num_things: int) -> None:
        super().__init__({level: strides[level] for level in pyramid.detection_levels})
        width = pyramid.width
        block = partial(conv_block, width, width, separable=pyramid.separable)
        self.class_tower = nn.Sequential(block(), block())
        self.box_tower = nn.Sequential(block(), block())
        kernel = 1 if pyramid.separable else 3
        self.scores = nn.Conv2d(width, num_things, kernel, padding=kernel // 2)
        self.distances = nn.Conv2d(width, 4, kernel, padding=kernel // 2)
        self.scales = nn.Parameter(torch.zeros(len(self.strides)))
        self._place = {level: index for index, level in enumerate(self.strides)}
        self.expect_few(self.scores)
        nn.init.normal_(self.distances.weight, std=0.01)
        assert self.distances.bias is not None
        nn.init.constant_(self.distances.bias, 1.0)

    def predict(self, level: str, feature: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.scores(self.class_tower(feature))
        distances = self.distances(self.box_tower(feature)).flatten(2).transpose(1, 2).float()
        # Clamped, so that an early prediction cannot overflow; e^6 cells are more than any image has.
        return logits, (distances + self.scales[self._place[level]]).clamp(-6.0, 6.0).exp()
