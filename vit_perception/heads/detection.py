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


class DetectionHead(nn.Module):
    """Feature pyramid → boxes and scores of A cells: those of the detection levels, from fine to coarse, each
    level in raster order.

    The outputs are `detection_boxes` (B, A, 4), as x_min, y_min, x_max, y_max in input pixels, and
    `detection_scores` (B, A, num_things), logits for a sigmoid each; in training also `detection_centres`
    (A, 2), the cells' centres x, y in input pixels, by which objects are assigned to cells. The levels share
    their convolutions; each has a learned scale for its distances.

    Args:
        pyramid: its width and its detection levels.
        strides: level → input pixels for each cell.
        num_things: number of classes of objects.
    """

    def __init__(self, pyramid: PyramidConfig, strides: Mapping[str, float], num_things: int) -> None:
        super().__init__()
        width = pyramid.width
        self.strides = {level: strides[level] for level in pyramid.detection_levels}
        block = partial(conv_block, width, width, separable=pyramid.separable)
        self.class_tower = nn.Sequential(block(), block())
        self.box_tower = nn.Sequential(block(), block())
        kernel = 1 if pyramid.separable else 3
        self.scores = nn.Conv2d(width, num_things, kernel, padding=kernel // 2)
        self.distances = nn.Conv2d(width, 4, kernel, padding=kernel // 2)
        self.scales = nn.Parameter(torch.zeros(len(self.strides)))
        # Objects are rare. Scores start near 1 %; otherwise the first steps only unlearn false positives.
        for layer, bias in ((self.scores, -math.log(99.0)), (self.distances, 1.0)):
            nn.init.normal_(layer.weight, std=0.01)
            assert layer.bias is not None
            nn.init.constant_(layer.bias, bias)

    def forward(self, pyramid: dict[str, Tensor]) -> dict[str, Tensor]:
        boxes, scores, all_centres = [], [], []
        for index, (level, stride) in enumerate(self.strides.items()):
            feature = pyramid[level]
            centres = cell_centres(feature, stride)
            logits = self.scores(self.class_tower(feature))
            distances = self.distances(self.box_tower(feature)).flatten(2).transpose(1, 2).float()
            # Clamped, so that an early prediction cannot overflow; e^6 cells are more than any image has.
            distances = (distances + self.scales[index]).clamp(-6.0, 6.0).exp() * stride
            boxes.append(torch.cat([centres - distances[..., :2], centres + distances[..., 2:]], dim=-1))
            scores.append(logits.flatten(2).transpose(1, 2))
            all_centres.append(centres)
        outputs = {"detection_boxes": torch.cat(boxes, dim=1), "detection_scores": torch.cat(scores, dim=1)}
        return outputs | ({"detection_centres": torch.cat(all_centres)} if self.training else {})
