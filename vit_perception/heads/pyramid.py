"""A simple feature pyramid on the tokens of a plain ViT (Li et al. 2022, ViTDet)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vit_perception.backbones.features import TokenFeatures


def conv_block(in_channels: int, out_channels: int, kernel: int = 3) -> nn.Sequential:
    """Convolution, group norm (no batch statistics: batches are small), GELU; keeps the size."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False),
        nn.GroupNorm(min(16, out_channels // 4), out_channels),
        nn.GELU(),
    )


@dataclass(frozen=True)
class PyramidConfig:
    """layers: blocks whose tokens are fused; width: channels of p3, p4, p5; fine_width: of p2."""

    layers: tuple[int, ...]
    width: int = 128
    fine_width: int = 64

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers:
            raise ValueError("pyramid layers is empty: name at least one block, e.g. [11]")


class SimpleFeaturePyramid(nn.Module):
    """TokenFeatures → {"p2", "p3", "p4", "p5"} at patch/4, patch/2, patch and 2·patch pixels a cell."""

    levels = ("p2", "p3", "p4", "p5")

    def __init__(self, config: PyramidConfig, embed_dim: int, patch_size: int) -> None:
        super().__init__()
        self.config = config
        self.strides: Mapping[str, float] = {
            "p2": patch_size / 4,
            "p3": patch_size / 2,
            "p4": float(patch_size),
            "p5": patch_size * 2.0,
        }
        width, fine = config.width, config.fine_width
        self.fuse = conv_block(embed_dim * len(config.layers), width * 2, kernel=1)
        self.p4 = conv_block(width * 2, width)
        self.p5 = nn.Sequential(nn.MaxPool2d(2, ceil_mode=True), conv_block(width * 2, width))
        self.up3 = nn.ConvTranspose2d(width * 2, width, 2, stride=2)
        self.p3 = conv_block(width, width)
        self.up2 = nn.ConvTranspose2d(width, fine, 2, stride=2)
        self.p2 = conv_block(fine, fine)

    def forward(self, features: TokenFeatures) -> dict[str, Tensor]:
        fused = self.fuse(torch.cat([features.maps[index] for index in self.config.layers], dim=1))
        p3 = self.p3(self.up3(fused))
        return {"p2": self.p2(self.up2(p3)), "p3": p3, "p4": self.p4(fused), "p5": self.p5(fused)}
