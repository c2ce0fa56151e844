"""MobileViT (Mehta and Rastegari 2022): convolutions for what is near, transformers for what is far."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.backbones.backbone import Backbone, FeatureInfo
from vit_perception.backbones.features import BlockAttention, TokenFeatures, of_groups, to_map
from vit_perception.layers.block import Block
from vit_perception.layers.conv import ConvNormAct, InvertedResidual, initialise
from vit_perception.layers.unfold import fold, unfold

Run = Callable[..., Any]


@dataclass(frozen=True)
class MobileVitConfig:
    """Shape of a MobileViT. widths: of five stages at strides 2, 4, 8, 16, 32, the last three of which have
    transformers of dims, depths and num_heads; local_depth: convolutions of the second stage; final_dim:
    of the last convolution, None for none; patch_size: pixels a side within which nothing attends."""

    stem_dim: int = 16
    widths: tuple[int, ...] = (16, 24, 48, 64, 80)
    local_depth: int = 3
    expand_ratio: float = 2.0
    dims: tuple[int, ...] = (64, 80, 96)
    depths: tuple[int, ...] = (2, 4, 3)
    num_heads: int = 4
    mlp_ratio: float = 2.0
    final_dim: int | None = 320
    patch_size: int = 2
    in_chans: int = 3
    norm_eps: float = 1e-5

    def __post_init__(self) -> None:
        for name, count in (("widths", 5), ("dims", 3), ("depths", 3)):
            value = tuple(getattr(self, name))
            object.__setattr__(self, name, value)
            if len(value) != count or min(value) <= 0:
                raise ValueError(f"{name} must be {count} positive numbers, not {value}")
        for name in ("stem_dim", "local_depth", "num_heads", "patch_size", "in_chans"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")


VARIANTS: dict[str, MobileVitConfig] = {
    "mobilevit_xxs": MobileVitConfig(),
    "mobilevit_xs": MobileVitConfig(
        widths=(32, 48, 64, 80, 96), expand_ratio=4.0, dims=(96, 120, 144), final_dim=384
    ),
    "mobilevit_s": MobileVitConfig(
        widths=(32, 64, 96, 128, 160), expand_ratio=4.0, dims=(144, 192, 240), final_dim=640
    ),
}


def whole_patches(size: tuple[int, int], patch_size: int) -> tuple[int, int]:
    """(height, width) rounded up to whole patches."""
    return size[0] + -size[0] % patch_size, size[1] + -size[1] % patch_size


def patch_attention(
    raw: Tensor, arrange: Callable[[Tensor], Tensor], size: tuple[int, int], patch_size: int
) -> BlockAttention:
    """Weights that `arrange` makes (B, heads, p·p, N, N), of a map of `size`, with the way from its pixels
    to groups and back."""

    def group(tokens: Tensor) -> Tensor:
        return unfold(to_map(tokens, size), patch_size)

    def ungroup(values: Tensor) -> Tensor:
        return fold(values, patch_size, size).flatten(2).transpose(1, 2)

    return BlockAttention(raw, size, 0, arrange, group, ungroup)


class MobileVitBlock(nn.Module):
    """Local convolution, a transformer across the patches, fusion with what came in; (B, C, H, W) keeps its
    shape. A map of no whole patches is resized for the transformer and back, as in the paper's code."""

    def __init__(self, config: MobileVitConfig, stage: int) -> None:
        super().__init__()
        self.patch_size = config.patch_size
        width, dim = config.widths[2 + stage], config.dims[stage]
        self.conv_kxk = ConvNormAct(width, width, 3)
        self.conv_1x1 = nn.Conv2d(width, dim, 1, bias=False)
        self.transformer = nn.ModuleList(
            Block(dim, config.num_heads, config.mlp_ratio, norm_eps=config.norm_eps, act=nn.SiLU)
            for _ in range(config.depths[stage])
        )
        self.norm = nn.LayerNorm(dim, eps=config.norm_eps)
        self.conv_proj = ConvNormAct(dim, width, 1)
        self.conv_fusion = ConvNormAct(2 * width, width, 3)

    def forward(
        self, x: Tensor, run: Run, attended: Collection[int]
    ) -> tuple[Tensor, dict[int, BlockAttention]]:
        """The map, and the attention of those of its blocks that are asked for; `run` runs a block."""
        size = (x.shape[-2], x.shape[-1])
        whole = whole_patches(size, self.patch_size)
        y: Tensor = self.conv_1x1(self.conv_kxk(x))
        if whole != size:
            y = F.interpolate(y, size=whole, mode="bilinear", align_corners=False)
        patches = unfold(y, self.patch_size)
        tokens = patches.flatten(0, 1)
        attention: dict[int, BlockAttention] = {}
        for index, block in enumerate(self.transformer):
            tokens, weights = run(block, tokens, index in attended)
            if weights is not None:
                arrange = partial(of_groups, batch=len(x))
                attention[index] = patch_attention(weights, arrange, whole, self.patch_size)
        y = fold(self.norm(tokens).reshape(patches.shape), self.patch_size, whole)
        if whole != size:
            y = F.interpolate(y, size=size, mode="bilinear", align_corners=False)
        return self.conv_fusion(torch.cat([x, self.conv_proj(y)], dim=1)), attention


class MobileVit(Backbone):
    """Image (B, C, H, W) of any size → TokenFeatures; maps of four stages at strides 4, 8, 16, 32.

    The maps are what the stages give. The tokens are those after the last convolution, which is what
    the classifiers read, and the class token is their mean.
    """

    block: Callable[..., nn.Module] = MobileVitBlock
    first_conv = "stem.conv.weight"

    def __init__(self, config: MobileVitConfig) -> None:
        super().__init__()
        self.config = config
        widths, ratio = config.widths, config.expand_ratio
        self.in_chans, self.num_heads, self.num_blocks = config.in_chans, config.num_heads, sum(config.depths)
        self.embed_dim = config.final_dim or widths[-1]
        self.feature_info = tuple(FeatureInfo(width, 4 << index) for index, width in enumerate(widths[1:]))
        self.stem = ConvNormAct(config.in_chans, config.stem_dim, 3, stride=2)
        self.stages = nn.ModuleList(
            [
                nn.Sequential(InvertedResidual(config.stem_dim, widths[0], 1, ratio)),
                nn.Sequential(
                    InvertedResidual(widths[0], widths[1], 2, ratio),
                    *(
                        InvertedResidual(widths[1], widths[1], 1, ratio)
                        for _ in range(config.local_depth - 1)
                    ),
                ),
                *(
                    nn.Sequential(
                        InvertedResidual(widths[1 + stage], widths[2 + stage], 2, ratio),
                        type(self).block(config, stage),
                    )
                    for stage in range(3)
                ),
            ]
        )
        self.final_conv = (
            nn.Identity() if config.final_dim is None else ConvNormAct(widths[-1], config.final_dim, 1)
        )
        initialise(self)

    def forward(
        self, image: Tensor, layers: Sequence[int] = (), attention_layers: Sequence[int] = ()
    ) -> TokenFeatures:
        """Encode, as `Backbone.forward`; the layers are the stages, the blocks those of the transformers."""
        wanted, attended = self._wanted(layers, attention_layers)
        self._check_image(image)
        maps: dict[int, Tensor] = {}
        attention: dict[int, BlockAttention] = {}
        x: Tensor = self.stem(image)
        first = 0
        for index, stage in enumerate(self.stages):
            assert isinstance(stage, nn.Sequential)
            if index < 2:
                x = stage(x)
            else:
                depth = self.config.depths[index - 2]
                places = {number - first for number in attended if first <= number < first + depth}
                x, found = stage[1](stage[0](x), self.run_block, places)
                attention |= {first + place: weights for place, weights in found.items()}
                first += depth
            if index - 1 in wanted:
                maps[index - 1] = x
        x = self.final_conv(x)
        tokens = x.flatten(2).transpose(1, 2)
        grid = (x.shape[-2], x.shape[-1])
        return TokenFeatures(tokens.mean(dim=1), tokens[:, :0], tokens, grid, maps, attention)
