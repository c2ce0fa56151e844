"""Where free ground ends in each column of the picture, after StixelNet (Levi et al. 2015).

In the picture, the end of the ground depends on nothing but what is seen. How many metres away that is
depends on the camera too: how high it is, how it looks, its lens. A robot knows these, and no model has to
guess them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor, nn

from vit_perception.heads.pyramid import PyramidConfig, conv_block

# Places for each row of the map.
_PLACES = 2
_WIDTH, _KERNEL, _BLOCKS = 64, 5, 3
# Pixels for each cell of the map that is read, or nearly so.
_STRIDE = 16


class FreeSpaceHead(nn.Module):
    """A level of the pyramid → `navigation_free_space` (B, 2·h, w): logits of a softmax over the rows.

    Of each column of the level's map (B, C, h, w), 2·h places from the top of the picture to its bottom: at
    which of them the robot would touch the first thing, on its way up from the lower edge.

    Args:
        config: of the pyramid.
        strides: of its levels; the one nearest to 16 pixels is read.

    Attributes:
        level: name of the level.
        channels: C, of its map.
    """

    def __init__(self, config: PyramidConfig, strides: Mapping[str, float]) -> None:
        super().__init__()
        self.level = min(strides, key=lambda level: abs(math.log(strides[level] / _STRIDE)))
        self.channels = config.fine_width if self.level == "p2" else config.width
        self.embed = nn.Conv2d(self.channels, _WIDTH, 1)
        self.blocks = nn.ModuleList(
            conv_block(_WIDTH, _WIDTH, _KERNEL, separable=True) for _ in range(_BLOCKS)
        )
        # What the whole picture says of the camera: where the horizon is, above all.
        self.wholes = nn.ModuleList(nn.Conv2d(_WIDTH, _WIDTH, 1) for _ in range(_BLOCKS))
        self.places = nn.Conv2d(_WIDTH, _PLACES, 1)

    def forward(self, level: Tensor) -> Tensor:
        """Logits (B, 2·h, w) of a level's map (B, C, h, w)."""
        cells = self.embed(level)
        for block, whole in zip(self.blocks, self.wholes, strict=True):
            cells = cells + block(cells)
            cells = cells + whole(cells.mean(dim=(2, 3), keepdim=True))
        found: Tensor = self.places(cells)
        return found.transpose(1, 2).flatten(1, 2)
