"""MobileViT (Mehta and Rastegari 2022): convolutions for local features, transformers for global ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.backbones.backbone import Backbone, FeatureInfo
from vit_perception.backbones.features import BlockAttention, TokenFeatures, split_groups, to_map
from vit_perception.layers.block import Block
from vit_perception.layers.checks import check_counts, check_numbers, set_counts
from vit_perception.layers.conv import ConvNormAct, InvertedResidual, initialise
from vit_perception.layers.unfold import fold, unfold

Run = Callable[..., Any]


@dataclass(frozen=True)
class MobileVitConfig:
    """Architecture of a MobileViT: five stages at strides 2 to 32, the last three with transformers.

    Attributes:
        stem_dim: channels of the first convolution.
        widths: channels of each of the five stages.
        local_depth: inverted residuals in the second stage.
        expand_ratio: hidden over input channels of the inverted residuals.
        dims: channels of the tokens in each of the three transformers.
        depths: number of blocks of each of the three transformers.
        num_heads: attention heads of every block; they divide `dims`.
        mlp_ratio: hidden channels of the MLP over the transformer's `dims`.
        final_dim: channels of the last convolution, None for no such convolution.
        patch_size: side of a patch in cells of the map; pixels of one patch do not attend to each other.
        in_chans: channels of the image.
        norm_eps: epsilon of the transformers' norms, in (0, 1).

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

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
        for name, length in (("widths", 5), ("dims", 3), ("depths", 3)):
            set_counts(self, name, length)
        check_counts(self, "stem_dim", "local_depth", "num_heads", "patch_size", "in_chans")
        check_numbers(self, "expand_ratio", "mlp_ratio")
        check_numbers(self, "norm_eps", high=1.0)
        if self.final_dim is not None:
            check_counts(self, "final_dim")


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
    """(height, width), each rounded up to a multiple of the patch size."""
    return size[0] + -size[0] % patch_size, size[1] + -size[1] % patch_size


def patch_attention(
    raw: Tensor, arrange: Callable[[Tensor], Tensor], size: tuple[int, int], patch_size: int
) -> BlockAttention:
    """The attention of a block whose groups are the p·p pixel positions within the patches of a map.

    Args:
        raw: the weights as the block used them.
        arrange: maps them to (B, heads, p·p, N, N) for N patches.
        size: (h, w) of the map, multiples of the patch size.
        patch_size: p, side of a patch in cells.
    """

    def group(tokens: Tensor) -> Tensor:
        return unfold(to_map(tokens, size), patch_size)

    def ungroup(values: Tensor) -> Tensor:
        return fold(values, patch_size, size).flatten(2).transpose(1, 2)

    return BlockAttention(raw, size, 0, arrange, group, ungroup)


class MobileVitBlock(nn.Module):
    """Local convolution, a transformer across the patches, and fusion with the input, (B, C, H, W) → the
    same shape. A map that does not divide into patches is resized for the transformer and back, as in the
    paper's code."""

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
        self, x: Tensor, run: Run, blocks: Collection[int]
    ) -> tuple[Tensor, dict[int, BlockAttention]]:
        """Encode a map.

        Args:
            x: (B, C, H, W).
            run: calls a transformer block with its arguments; `Backbone.run_block`.
            blocks: indices of the transformer blocks whose attention to return.

        Returns:
            The map, and block index → its attention.
        """
        size = (x.shape[-2], x.shape[-1])
        whole = whole_patches(size, self.patch_size)
        y: Tensor = self.conv_1x1(self.conv_kxk(x))
        if whole != size:
            y = F.interpolate(y, size=whole, mode="bilinear", align_corners=False)
        patches = unfold(y, self.patch_size)
        tokens = patches.flatten(0, 1)
        attention: dict[int, BlockAttention] = {}
        for index, block in enumerate(self.transformer):
            tokens, weights = run(block, tokens, index in blocks)
            if weights is not None:
                arrange = partial(split_groups, batch=len(x))
                attention[index] = patch_attention(weights, arrange, whole, self.patch_size)
        y = fold(self.norm(tokens).reshape(patches.shape), self.patch_size, whole)
        if whole != size:
            y = F.interpolate(y, size=size, mode="bilinear", align_corners=False)
        return self.conv_fusion(torch.cat([x, self.conv_proj(y)], dim=1)), attention


class MobileVit(Backbone):
    """Image (B, C, H, W) of any size → TokenFeatures, with maps at strides 4, 8, 16 and 32.

    The maps are the outputs of the stages. The tokens are those after the last convolution, which the
    published classifiers average; their mean is the class token.
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
        """Encode as `Backbone.forward` does. The layers are the stages from stride 4 on, the blocks are those
        of the transformers."""
        kept = self._intermediates(image, layers, attention_layers)
        x: Tensor = self.stem(image)
        first = 0
        for index, stage in enumerate(self.stages):
            assert isinstance(stage, nn.Sequential)
            if index < 2:
                x = stage(x)
            else:
                depth = self.config.depths[index - 2]
                blocks = {number - first for number in kept.blocks if first <= number < first + depth}
                x, found = stage[1](stage[0](x), self.run_block, blocks)
                kept.attention.update({first + place: weights for place, weights in found.items()})
                first += depth
            if index - 1 in kept.layers:
                kept.maps[index - 1] = x
        x = self.final_conv(x)
        tokens = x.flatten(2).transpose(1, 2)
        return kept.features(tokens[:, :0], tokens, (x.shape[-2], x.shape[-1]))
