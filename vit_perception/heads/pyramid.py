"""Feature pyramids: maps at strides that double from level to level, made from any backbone.

A plain ViT has one stride, from which convolutions make the others (ViTDet, Li et al. 2022). A hierarchical
backbone has three or four strides; each level then adds the coarser one, enlarged (FPN, Lin et al. 2017).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.backbones.backbone import Backbone, FeatureInfo
from vit_perception.backbones.features import TokenFeatures
from vit_perception.layers.checks import check_counts, check_flags, set_counts
from vit_perception.layers.conv import DepthwiseConv

LEVELS = ("p2", "p3", "p4", "p5", "p6")


def _groups(channels: int) -> int:
    """Groups of the group norm of so many channels."""
    return min(16, channels // 4)


def conv_block(
    in_channels: int, out_channels: int, kernel: int = 3, separable: bool = False
) -> nn.Sequential:
    """Convolution, group norm and GELU, (B, in_channels, h, w) → (B, out_channels, h, w).

    Group norm instead of batch norm, because batches are small.

    Args:
        in_channels: of the map before.
        out_channels: of the map after.
        kernel: side of the kernel in cells.
        separable: whether each channel is convolved by itself, and then the channels are mixed cell by cell
            (MobileNet, Howard et al. 2017): an eighth of the work.
    """
    convolutions = (
        [
            DepthwiseConv(in_channels, kernel),
            nn.Conv2d(in_channels, out_channels, 1, bias=False),
        ]
        if separable
        else [nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False)]
    )
    return nn.Sequential(*convolutions, nn.GroupNorm(_groups(out_channels), out_channels), nn.GELU())


@dataclass(frozen=True)
class PyramidConfig:
    """Architecture of a feature pyramid.

    Attributes:
        layers: indices into the backbone's `feature_info`: of a plain ViT the blocks whose maps are fused,
            of a hierarchical backbone three or four stages.
        width: channels of p3 to p6, at least 4; a multiple of 16 fits always.
        fine_width: channels of p2, at least 4; a multiple of 16 fits always.
        detection_levels: the levels, some of p2 to p6, on which the detection head predicts.
        separable: whether the convolutions of the pyramid and of the heads that read it are separable, for
            maps of many cells.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    layers: tuple[int, ...]
    width: int = 128
    fine_width: int = 64
    detection_levels: tuple[str, ...] = ("p3", "p4", "p5")
    separable: bool = False

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError("pyramid layers is empty: name at least one block, e.g. [11]")
        set_counts(self, "layers", least=0)
        check_counts(self, "width", "fine_width")
        check_flags(self, "separable")
        for name in ("width", "fine_width"):
            groups = _groups(channels := getattr(self, name))
            if not groups or channels % groups:
                raise ValueError(f"{name} must fit the group norm: give a multiple of 16, not {channels}")
        object.__setattr__(self, "detection_levels", tuple(self.detection_levels))
        if not self.detection_levels or not set(self.detection_levels) <= set(LEVELS):
            raise ValueError(f"detection_levels {self.detection_levels} are not some of {', '.join(LEVELS)}")
        if "p2" in self.detection_levels and self.fine_width != self.width:
            raise ValueError(
                f"detection on p2 needs one width for all levels: set fine_width to {self.width}, "
                f"not {self.fine_width}"
            )


class FeaturePyramid(nn.Module):
    """TokenFeatures → level → map (B, C, h, w), for the levels p2 to p6.

    C is `width`, of p2 `fine_width`. p6 is every second cell of p5, for objects that fill the image.

    Attributes:
        config: of this pyramid.
        strides: level → input pixels for each cell of its map.
    """

    config: PyramidConfig
    strides: Mapping[str, float]

    def forward(self, features: TokenFeatures) -> dict[str, Tensor]:
        levels = self.levels([features.maps[index] for index in self.config.layers])
        return levels | {"p6": F.max_pool2d(levels["p5"], kernel_size=1, stride=2)}

    def levels(self, maps: list[Tensor]) -> dict[str, Tensor]:
        """Maps (B, C, h, w) of the configured layers, from fine to coarse → the levels p2 to p5."""
        raise NotImplementedError


class SimpleFeaturePyramid(FeaturePyramid):
    """The pyramid of a plain ViT, after ViTDet (Li et al. 2022).

    p4 has the backbone's stride; transposed convolutions make p3 and p2 from it, and pooling makes p5.

    Args:
        config: of this pyramid.
        embed_dim: D, channels of the backbone's maps.
        stride: input pixels for each cell of the backbone's maps.
    """

    def __init__(self, config: PyramidConfig, embed_dim: int, stride: int) -> None:
        super().__init__()
        self.config = config
        self.strides = {level: stride * 2.0 ** (index - 2) for index, level in enumerate(LEVELS)}
        width, fine = config.width, config.fine_width
        block = partial(conv_block, separable=config.separable)
        self.fuse = conv_block(embed_dim * len(config.layers), width * 2, kernel=1)
        self.p4 = block(width * 2, width)
        self.p5 = nn.Sequential(nn.MaxPool2d(2, ceil_mode=True), block(width * 2, width))
        self.up3 = nn.ConvTranspose2d(width * 2, width, 2, stride=2)
        self.p3 = block(width, width)
        self.up2 = nn.ConvTranspose2d(width, fine, 2, stride=2)
        self.p2 = block(fine, fine)

    def levels(self, maps: list[Tensor]) -> dict[str, Tensor]:
        fused = self.fuse(torch.cat(maps, dim=1))
        p3 = self.p3(self.up3(fused))
        return {"p2": self.p2(self.up2(p3)), "p3": p3, "p4": self.p4(fused), "p5": self.p5(fused)}


class TopDownPyramid(FeaturePyramid):
    """The pyramid of a hierarchical backbone, after FPN (Lin et al. 2017).

    Each level is the map of its stage plus the coarser level, enlarged to exactly the size of the map. Where
    the backbone has three stages (CvT), pooling makes p5 from p4.

    Args:
        config: of this pyramid.
        info: of the configured layers, from fine to coarse. Layers of one stride are taken together.
    """

    def __init__(self, config: PyramidConfig, info: Sequence[FeatureInfo]) -> None:
        super().__init__()
        self.config = config
        stages = [tuple(stage) for _, stage in itertools.groupby(info, key=lambda layer: layer.stride)]
        self.sizes = [len(stage) for stage in stages]
        channels, stride = [sum(layer.channels for layer in stage) for stage in stages], info[0].stride
        self.strides = {level: stride * 2.0**index for index, level in enumerate(LEVELS)}
        width, names = config.width, LEVELS[: len(channels)]
        block = partial(conv_block, separable=config.separable)
        self.lateral = nn.ModuleDict(
            {level: conv_block(count, width, kernel=1) for level, count in zip(names, channels, strict=True)}
        )
        self.smooth = nn.ModuleDict(
            {level: block(width, config.fine_width if level == "p2" else width) for level in names}
        )
        self.p5 = None if "p5" in names else block(width, width)

    def levels(self, maps: list[Tensor]) -> dict[str, Tensor]:
        levels: dict[str, Tensor] = {}
        above: Tensor | None = None
        source = iter(maps)
        stages = [list(itertools.islice(source, size)) for size in self.sizes]
        for level, stage in zip(reversed(LEVELS[: len(stages)]), reversed(stages), strict=True):
            merged: Tensor = self.lateral[level](torch.cat(stage, dim=1) if len(stage) > 1 else stage[0])
            if above is not None:
                merged = merged + F.interpolate(above, size=merged.shape[-2:], mode="nearest")
            levels[level] = self.smooth[level](merged)
            above = merged
        if self.p5 is not None:
            levels["p5"] = self.p5(F.max_pool2d(levels["p4"], 2, ceil_mode=True))
        return levels


def make_pyramid(config: PyramidConfig, backbone: Backbone) -> FeaturePyramid:
    """Build the pyramid that fits the configured layers of a backbone.

    Raises:
        ValueError: a layer does not exist, or the layers have neither one stride nor three or four that
            double.
    """
    for index in config.layers:
        if not 0 <= index < len(backbone.feature_info):
            raise ValueError(
                f"pyramid layer {index} does not exist: the backbone has {len(backbone.feature_info)}"
            )
    chosen = [backbone.feature_info[index] for index in config.layers]
    strides = [stride for stride, _ in itertools.groupby(info.stride for info in chosen)]
    if len(strides) == 1:
        if len({info.channels for info in chosen}) == 1:
            return SimpleFeaturePyramid(config, chosen[0].channels, strides[0])
    elif len(strides) in (3, 4) and strides == [strides[0] << index for index in range(len(strides))]:
        return TopDownPyramid(config, chosen)
    raise ValueError(
        f"pyramid layers {list(config.layers)} have strides {[info.stride for info in chosen]}: choose "
        "layers of one stride, or of three or four that double"
    )
