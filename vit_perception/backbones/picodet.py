"""The convolutions of PicoDet-S, which a hybrid ViT begins with: what a small detector learned from COCO.

PicoDet (Yu et al. 2021) is ESNet-0.75x, the stages, whose maps a path aggregation network mixes, the neck;
`heads/picodet.py` has its head. Its batch norms are folded into the convolutions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.layers.conv import DepthwiseConv, initialise


@dataclass(frozen=True)
class Stage:
    """Some blocks; the first one halves the map.

    Attributes:
        channels: of its map.
        widths: channels inside each block.
    """

    channels: int
    widths: tuple[int, ...]


STAGES = (
    Stage(96, (44, 48, 48)),
    Stage(192, (48, 120, 96, 120, 96, 96, 96)),
    Stage(384, (96, 192, 192)),
)
_STEM = 24
# Stride → channels of the stage's map.
CHANNELS = {8 << index: stage.channels for index, stage in enumerate(STAGES)}
# Strides of the neck's maps, and the channels of each.
NECK_STRIDES, NECK_CHANNELS = (8, 16, 32, 64), 96
NECK_KERNEL = 5


def conv(in_channels: int, channels: int, kernel: int = 1, stride: int = 1) -> nn.Sequential:
    """Convolution and hard swish, (B, C, H, W) → (B, C', ⌈H / stride⌉, ⌈W / stride⌉)."""
    return nn.Sequential(nn.Conv2d(in_channels, channels, kernel, stride, kernel // 2), nn.Hardswish())


def depthwise(channels: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution of each channel by itself, and hard swish."""
    return nn.Sequential(DepthwiseConv(channels, kernel, stride, bias=True), nn.Hardswish())


def separable(channels: int, stride: int = 1) -> nn.Sequential:
    """A depth-wise convolution of five cells, then one that mixes the channels."""
    return nn.Sequential(depthwise(channels, NECK_KERNEL, stride), conv(channels, channels))


class SqueezeExcitation(nn.Module):
    """Scales each channel by what the whole map says (Hu et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, channels // 4, 1)
        self.expand = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        whole = F.relu(self.reduce(x.mean(dim=(2, 3), keepdim=True)))
        return x * F.hardsigmoid(self.expand(whole))


class HalvingBlock(nn.Module):
    """Two ways to a map of half the size, joined and mixed; (B, C, H, W) → (B, C', ⌈H / 2⌉, ⌈W / 2⌉)."""

    def __init__(self, in_channels: int, channels: int, width: int) -> None:
        super().__init__()
        half = channels // 2
        self.shortcut = nn.Sequential(
            DepthwiseConv(in_channels, 3, stride=2, bias=True), conv(in_channels, half)
        )
        self.main = nn.Sequential(
            conv(in_channels, width),
            DepthwiseConv(width, 3, stride=2, bias=True),
            SqueezeExcitation(width),
            conv(width, half),
        )
        self.mix = nn.Sequential(depthwise(channels, 3), conv(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.mix(torch.cat([self.shortcut(x), self.main(x)], dim=1))
        return mixed


class ShuffleBlock(nn.Module):
    """Half of the channels pass, the others are convolved (ShuffleNet V2, Ma et al. 2018), by a ghost block
    (Han et al. 2020), whose second half is made from the first."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        half = channels // 2
        self.primary = conv(half, width // 2)
        self.ghost = DepthwiseConv(width // 2, 3, bias=True)
        self.attention = SqueezeExcitation(width)
        self.project = conv(width, half)

    def forward(self, x: Tensor) -> Tensor:
        passed, x = x.chunk(2, dim=1)
        x = self.primary(x)
        x = self.project(self.attention(torch.cat([x, self.ghost(x)], dim=1)))
        # Shuffled: one channel of each half in turn.
        return torch.stack([passed, x], dim=2).flatten(1, 2)


class CspLayer(nn.Module):
    """Two maps that were joined → one (B, 96, H, W) (cross stage partial, Wang et al. 2020)."""

    def __init__(self) -> None:
        super().__init__()
        half = NECK_CHANNELS // 2
        self.shortcut = conv(2 * NECK_CHANNELS, half)
        self.main = nn.Sequential(conv(2 * NECK_CHANNELS, half), conv(half, half), separable(half))
        self.merge = conv(NECK_CHANNELS, NECK_CHANNELS)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        joined = torch.cat([x, y], dim=1)
        passed = self.shortcut(joined)
        merged: Tensor = self.merge(torch.cat([self.main(joined), passed], dim=1))
        return merged


class Neck(nn.Module):
    """Maps of the stages → maps (B, 96, h, w) at NECK_STRIDES.

    Path aggregation (Liu et al. 2018): from coarse to fine, and back.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(conv(stage.channels, NECK_CHANNELS) for stage in STAGES)
        self.top_down = nn.ModuleList(CspLayer() for _ in STAGES[1:])
        self.down = nn.ModuleList(separable(NECK_CHANNELS, stride=2) for _ in STAGES[1:])
        self.bottom_up = nn.ModuleList(CspLayer() for _ in STAGES[1:])
        self.top_of_stage = separable(NECK_CHANNELS, stride=2)
        self.top = separable(NECK_CHANNELS, stride=2)
        initialise(self)

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        fine, middle, coarse = (conv(x) for conv, x in zip(self.lateral, maps, strict=True))
        middle = self.top_down[0](F.interpolate(coarse, scale_factor=2.0), middle)
        fine = self.top_down[1](F.interpolate(middle, scale_factor=2.0), fine)
        up = self.bottom_up[0](self.down[0](fine), middle)
        top = self.bottom_up[1](self.down[1](up), coarse)
        return [fine, up, top, self.top_of_stage(coarse) + self.top(top)]


def make_stages(in_chans: int = 3) -> tuple[nn.Module, nn.ModuleList]:
    """The stem, which quarters an image of so many channels, and the stages, with random weights."""
    stem = nn.Sequential(conv(in_chans, _STEM, kernel=3, stride=2), nn.MaxPool2d(3, stride=2, padding=1))
    stages, before = nn.ModuleList(), _STEM
    for stage in STAGES:
        first, *others = stage.widths
        blocks = [ShuffleBlock(stage.channels, width) for width in others]
        stages.append(nn.Sequential(HalvingBlock(before, stage.channels, first), *blocks))
        before = stage.channels
    initialise(stem)
    initialise(stages)
    return stem, stages


def run_stages(stem: nn.Module, stages: nn.ModuleList, image: Tensor) -> list[Tensor]:
    """Image (B, C, H, W) → maps (B, C', ⌈H / s⌉, ⌈W / s⌉) at the strides s of CHANNELS."""
    x, maps = stem(image), []
    for stage in stages:
        x = stage(x)
        maps.append(x)
    return maps
