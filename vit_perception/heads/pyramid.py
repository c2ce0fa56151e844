"""Feature pyramids: maps of one width at strides that double, whatever the backbone gives.

A plain ViT has one stride, from which convolutions make the others (ViTDet, Li et al. 2022); a
hierarchical backbone has three or four, to which coarse levels add what they know (FPN, Lin et al. 2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.backbones.backbone import Backbone
from vit_perception.backbones.features import TokenFeatures

LEVELS = ("p2", "p3", "p4", "p5", "p6")


def conv_block(in_channels: int, out_channels: int, kernel: int = 3) -> nn.Sequential:
    """Convolution, group norm (no batch statistics: batches are small), GELU; keeps the size."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False),
        nn.GroupNorm(min(16, out_channels // 4), out_channels),
        nn.GELU(),
    )


@dataclass(frozen=True)
class PyramidConfig:
    """layers: of the backbone's `feature_info`, blocks whose maps are fused or all the stages; width:
    channels of p3 and coarser; fine_width: of p2; detection_levels: where objects are looked for."""

    layers: tuple[int, ...]
    width: int = 128
    fine_width: int = 64
    detection_levels: tuple[str, ...] = ("p3", "p4", "p5")

    def __post_init__(self) -> None:
        for name in ("layers", "detection_levels"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.layers:
            raise ValueError("pyramid layers is empty: name at least one block, e.g. [11]")
        if not self.detection_levels or not set(self.detection_levels) <= set(LEVELS):
            raise ValueError(f"detection_levels {self.detection_levels} are not some of {', '.join(LEVELS)}")
        if "p2" in self.detection_levels and self.fine_width != self.width:
            raise ValueError(
                f"detection on p2 needs one width for all levels: set fine_width to {self.width}, "
                f"not {self.fine_width}"
            )


class FeaturePyramid(nn.Module):
    """TokenFeatures → {"p2", … "p6"}: maps (B, C, h, w), C = width, of p2 fine_width.

    strides: input pixels a cell of each level. p6 is every other cell of p5, for objects that fill the image.
    """

    config: PyramidConfig
    strides: Mapping[str, float]

    def forward(self, features: TokenFeatures) -> dict[str, Tensor]:
        levels = self.levels([features.maps[index] for index in self.config.layers])
        return levels | {"p6": F.max_pool2d(levels["p5"], kernel_size=1, stride=2)}

    def levels(self, maps: list[Tensor]) -> dict[str, Tensor]:
        """p2 to p5 from the maps of the configured layers."""
        raise NotImplementedError


class SimpleFeaturePyramid(FeaturePyramid):
    """From a plain ViT: p4 has its stride, p2 and p3 are finer by transposed convolutions, p5 is coarser."""

    def __init__(self, config: PyramidConfig, embed_dim: int, stride: int) -> None:
        super().__init__()
        self.config = config
        self.strides = {level: stride * 2.0 ** (index - 2) for index, level in enumerate(LEVELS)}
        width, fine = config.width, config.fine_width
        self.fuse = conv_block(embed_dim * len(config.layers), width * 2, kernel=1)
        self.p4 = conv_block(width * 2, width)
        self.p5 = nn.Sequential(nn.MaxPool2d(2, ceil_mode=True), conv_block(width * 2, width))
        self.up3 = nn.ConvTranspose2d(width * 2, width, 2, stride=2)
        self.p3 = conv_block(width, width)
        self.up2 = nn.ConvTranspose2d(width, fine, 2, stride=2)
        self.p2 = conv_block(fine, fine)

    def levels(self, maps: list[Tensor]) -> dict[str, Tensor]:
        fused = self.fuse(torch.cat(maps, dim=1))
        p3 = self.p3(self.up3(fused))
        return {"p2": self.p2(self.up2(p3)), "p3": p3, "p4": self.p4(fused), "p5": self.p5(fused)}


class TopDownPyramid(FeaturePyramid):
    """From stages: each level is its stage plus the coarser level, enlarged to the stage's very size.

    Where there are three (CvT), p5 is made of p4.
    """

    def __init__(self, config: PyramidConfig, channels: tuple[int, ...], stride: int) -> None:
        super().__init__()
        self.config = config
        self.strides = {level: stride * 2.0**index for index, level in enumerate(LEVELS)}
        width, names = config.width, LEVELS[: len(channels)]
        self.lateral = nn.ModuleDict(
            {level: conv_block(count, width, kernel=1) for level, count in zip(names, channels, strict=True)}
        )
        self.smooth = nn.ModuleDict(
            {level: conv_block(width, config.fine_width if level == "p2" else width) for level in names}
        )
        self.p5 = None if "p5" in names else conv_block(width, width)

    def levels(self, maps: list[Tensor]) -> dict[str, Tensor]:
        levels: dict[str, Tensor] = {}
        above: Tensor | None = None
        for level, feature in zip(reversed(LEVELS[: len(maps)]), reversed(maps), strict=True):
            merged: Tensor = self.lateral[level](feature)
            if above is not None:
                merged = merged + F.interpolate(above, size=merged.shape[-2:], mode="nearest")
            levels[level] = self.smooth[level](merged)
            above = merged
        if self.p5 is not None:
            levels["p5"] = self.p5(F.max_pool2d(levels["p4"], 2, ceil_mode=True))
        return levels


def make_pyramid(config: PyramidConfig, backbone: Backbone) -> FeaturePyramid:
    """The pyramid that fits a backbone's layers.

    Raises:
        ValueError: a layer does not exist, or their strides are neither one nor three or four that double.
    """
    for index in config.layers:
        if not 0 <= index < len(backbone.feature_info):
            raise ValueError(
                f"pyramid layer {index} does not exist: the backbone has {len(backbone.feature_info)}"
            )
    chosen = [backbone.feature_info[index] for index in config.layers]
    strides = tuple(info.stride for info in chosen)
    if len(set(strides)) == 1:
        if len({info.channels for info in chosen}) == 1:
            return SimpleFeaturePyramid(config, chosen[0].channels, strides[0])
    elif len(strides) in (3, 4) and strides == tuple(strides[0] << index for index in range(len(strides))):
        return TopDownPyramid(config, tuple(info.channels for info in chosen), strides[0])
    raise ValueError(
        f"pyramid layers {list(config.layers)} have strides {list(strides)}: choose layers of one stride, "
        "or three or four whose strides double"
    )
