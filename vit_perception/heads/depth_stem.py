"""A depth image as tokens, one a patch of the image."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.heads.navigation_config import FARTHEST
from vit_perception.layers.sincos import sincos_positions

_CHANNELS = 4
# Metres to the side or below, see `_offsets`: what is farther aside is in no robot's way.
_FARTHEST_OFFSET = 4.0
# Most pixels a side that one convolution takes together.
_MOST = 4


class DepthStem(nn.Module):
    """Depth (B, 1, H, W) → tokens (B, gh·gw, D) on the grid of the image's patches.

    Of each pixel, the convolutions see log(1 + distance), which resolves near distances best; how far it is
    to the side and below the optical axis, in distances times coordinates of the picture, so that the ground
    can be told from what stands on it; and whether its distance is known. A patch without any becomes a
    learned token: a failed sensor and a missing one look the same.

    Args:
        stride: side of a patch in pixels.
        width: D, channels of a token.
    """

    def __init__(self, stride: int, width: int) -> None:
        super().__init__()
        self.stride = stride
        steps = _steps(stride)
        channels = [_CHANNELS, *(max(width >> (2 * later), _CHANNELS) for later in range(len(steps))[::-1])]
        layers: list[nn.Module] = []
        for step, (before, after) in zip(steps, itertools.pairwise(channels), strict=True):
            layers += [nn.Conv2d(before, after, step, step), nn.GELU()]
        self.layers = nn.Sequential(*layers[:-1])
        self.no_depth_token = nn.Parameter(torch.zeros(1, 1, width))
        nn.init.trunc_normal_(self.no_depth_token, std=0.02)

    def forward(self, depth: Tensor | None, grid: tuple[int, int], batch: int) -> Tensor:
        """Tokens of a batch.

        Args:
            depth: (B, 1, H, W) in metres, registered to the image; 0 and what is not finite are unknown. None
                without depth.
            grid: (gh, gw) of the image's patches.
            batch: B.

        Raises:
            ValueError: depth is no such tensor.
        """
        if depth is None:
            return self.no_depth_token.expand(batch, grid[0] * grid[1], -1)
        if depth.ndim != 4 or depth.shape[:2] != (batch, 1):
            raise ValueError(f"depth has shape {tuple(depth.shape)}, not ({batch}, 1, H, W)")
        height, width = depth.shape[-2:]
        if height % self.stride or width % self.stride:
            depth = F.pad(depth, (0, -width % self.stride, 0, -height % self.stride))
        size = (grid[0] * self.stride, grid[1] * self.stride)
        if depth.shape[-2:] != size:  # MobileViT stretches its maps to an even number of cells
            depth = F.interpolate(depth, size=size, mode="nearest-exact")
        known = (depth > 0) & (depth < FARTHEST)
        distance = torch.where(known, depth, torch.zeros_like(depth)).to(self.no_depth_token.dtype)
        pixels = torch.cat([distance.log1p(), *_offsets(distance), known.to(distance.dtype)], dim=1)
        tokens = self.layers(pixels).flatten(2).transpose(1, 2)
        tokens = tokens + sincos_positions(grid, tokens.shape[-1], depth.device).to(tokens.dtype)
        some = F.max_pool2d(pixels[:, -1:], self.stride).flatten(2).transpose(1, 2) > 0
        return torch.where(some, tokens, self.no_depth_token)


def _steps(stride: int) -> list[int]:
    """Sides of the convolutions that make one cell of `stride` pixels, each at most `_MOST` if possible."""
    steps = []
    while stride > 1:
        step = next((side for side in range(min(_MOST, stride), 1, -1) if stride % side == 0), stride)
        steps.append(step)
        stride //= step
    return steps


def _offsets(distance: Tensor) -> list[Tensor]:
    """How many metres each pixel is below and beside the optical axis, over the tangent of half the camera's
    angle of view; what is beyond the farthest is there."""
    offsets = []
    for axis in (-2, -1):
        count = distance.shape[axis]
        places = (torch.arange(count, device=distance.device) + 0.5) * (2.0 / count) - 1.0
        offset = distance * (places.unsqueeze(-1) if axis == -2 else places).to(distance.dtype)
        offsets.append(offset.clamp(-_FARTHEST_OFFSET, _FARTHEST_OFFSET))
    return offsets
