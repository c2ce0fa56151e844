"""Convolutions of mobile networks: with batch norm and SiLU, and inverted residuals."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class DepthwiseConv(nn.Conv2d):
    """Convolution of each channel by itself, (B, C, H, W) → (B, C, ⌈H / stride⌉, ⌈W / stride⌉).

    In float32 on a CPU even under autocast: the gradient of a kernel of 5 cells takes 2 to 6 times as long in
    bfloat16 (torch 2.12, oneDNN, AVX-512).

    Args:
        channels: C.
        kernel_size: side of the kernel in cells, odd.
        stride: step of the kernel in cells.
        padding: zeros around the map; None for half the kernel.
        bias: whether each channel has one.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int | None = None,
        bias: bool = False,
    ) -> None:
        padding = kernel_size // 2 if padding is None else padding
        super().__init__(channels, channels, kernel_size, stride, padding, groups=channels, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float())


class ConvNormAct(nn.Module):
    """Convolution, batch norm and SiLU, (B, C, H, W) → (B, C', ⌈H / stride⌉, ⌈W / stride⌉).

    Args:
        in_channels: C.
        out_channels: C'.
        kernel_size: side of the kernel in cells, odd.
        stride: step of the kernel in cells.
        groups: groups of channels that are convolved separately.
        act: whether SiLU follows the norm.
    """

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
    """Inverted residual (MobileNetV2, Sandler et al. 2018): widen, depth-wise convolution, narrow.

    (B, C, H, W) → (B, C', ⌈H / stride⌉, ⌈W / stride⌉), with a shortcut where both shapes are the same.

    Args:
        in_channels: C.
        out_channels: C'.
        stride: step of the depth-wise convolution in cells.
        expand_ratio: channels of the depth-wise convolution over C.
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
    """Initialise convolutions as He et al. 2015 do (fan-out), linear layers with a deviation of 0.02."""
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
