"""The convolutions of mobile networks: with batch norm and SiLU, and inverted residuals of them."""

from __future__ import annotations

import math

from torch import Tensor, nn


class ConvNormAct(nn.Module):
    """Convolution that keeps the size (or ⌈size / stride⌉), batch norm, SiLU unless `act` is false."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        groups: int = 1,
        act: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding=kernel_size // 2,
            groups=groups,
            bias=False,
        )
        self.bn = nn.BatchNorm2d(out_channels)
        self.act = nn.SiLU() if act else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = self.act(self.bn(self.conv(x)))
        return normed


class InvertedResidual(nn.Module):
    """Widen, convolve each channel by itself, narrow (MobileNetV2, Sandler et al. 2018).

    (B, C, H, W) → (B, C', ⌈H / stride⌉, ⌈W / stride⌉), with a shortcut where the shapes are the same.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, expand_ratio: float) -> None:
        super().__init__()
        mid = int(in_channels * expand_ratio)
        self.conv1_1x1 = ConvNormAct(in_channels, mid, 1)
        self.conv2_kxk = ConvNormAct(mid, mid, 3, stride, groups=mid)
        self.conv3_1x1 = ConvNormAct(mid, out_channels, 1, act=False)
        self.has_shortcut = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv3_1x1(self.conv2_kxk(self.conv1_1x1(x)))
        return x + y if self.has_shortcut else y


def initialise(network: nn.Module) -> None:
    """Convolutions so that a signal keeps its size through them (He et al. 2015), linear layers small."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            outputs = module.kernel_size[0] * module.kernel_size[1] * module.out_channels // module.groups
            nn.init.normal_(module.weight, std=math.sqrt(2.0 / outputs))
        elif isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
