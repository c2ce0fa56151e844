"""The plain Vision Transformer (Dosovitskiy et al. 2021): also DeiT, DINOv2 and the encoder of MAE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vit_perception.backbones.backbone import Backbone, FeatureInfo
from vit_perception.backbones.features import BlockAttention, Intermediates, TokenFeatures, to_map
from vit_perception.layers.block import Block, drop_path_rates
from vit_perception.layers.checks import (
    check_counts,
    check_flags,
    check_numbers,
    check_probability,
    set_counts,
    set_nested,
)
from vit_perception.layers.patch_embed import PatchEmbed
from vit_perception.layers.pos_embed import (
    DEFAULT_INTERPOLATION,
    PosInterpolation,
    interpolate_pos_embed,
)
from vit_perception.layers.token_reduction import Patches, ReducingBlock, TokenReduction, whole


@dataclass(frozen=True)
class ViTConfig:
    """Architecture of a plain ViT.

    Attributes:
        patch_size: side of a patch in pixels.
        embed_dim: D, channels of a token.
        depth: number of blocks.
        num_heads: attention heads of each block; they divide `embed_dim` unless `head_dim` is given.
        mlp_ratio: hidden channels of the MLP over `embed_dim`.
        in_chans: channels of the image.
        pos_grid: rows and columns of the grid that the position embedding was learned on.
        pos_interpolation: how the position embedding is resampled to other grids.
        distilled: whether there is a distillation token with its own position (DeiT, Touvron et al. 2021).
        num_registers: number of register tokens (Darcet et al. 2024), 0 for none.
        qkv_bias: whether the projections to queries, keys and values have a bias.
        layer_scale: initial gain of LayerScale, above 0; None for no LayerScale.
        drop_path: drop-path probability of the last block in training, in [0, 1); it rises linearly to it.
        norm_eps: epsilon of LayerNorm, in (0, 1).
        reduction: fewer tokens from block to block, with the same weights; None for none.
        head_dim: channels of each head where some heads were pruned (export/compress.py); None for
            `embed_dim / num_heads`.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    patch_size: int = 16
    embed_dim: int = 384
    depth: int = 12
    num_heads: int = 6
    mlp_ratio: float = 4.0
    in_chans: int = 3
    pos_grid: tuple[int, int] = (14, 14)
    pos_interpolation: PosInterpolation = DEFAULT_INTERPOLATION
    distilled: bool = False
    num_registers: int = 0
    qkv_bias: bool = True
    layer_scale: float | None = None
    drop_path: float = 0.0
    norm_eps: float = 1e-6
    reduction: TokenReduction | None = None
    head_dim: int | None = None

    def __post_init__(self) -> None:
        check_counts(self, "patch_size", "embed_dim", "depth", "num_heads", "in_chans")
        check_counts(self, "num_registers", least=0)
        check_numbers(self, "mlp_ratio")
        check_numbers(self, "norm_eps", high=1.0)
        check_probability(self, "drop_path")
        check_flags(self, "distilled", "qkv_bias")
        set_counts(self, "pos_grid", 2)
        set_nested(self, "pos_interpolation", PosInterpolation)
        if self.head_dim is not None:
            check_counts(self, "head_dim")
        if self.layer_scale is not None:
            check_numbers(self, "layer_scale")
        if self.reduction is not None:
            set_nested(self, "reduction", TokenReduction)
            self.reduction.check(self.depth)

    @property
    def num_position_tokens(self) -> int:
        """Tokens before the patches that have a learned position: the class and distillation tokens."""
        return 2 if self.distilled else 1


def _size(embed_dim: int, depth: int, num_heads: int, **other: Any) -> ViTConfig:
    return ViTConfig(embed_dim=embed_dim, depth=depth, num_heads=num_heads, **other)


VARIANTS: dict[str, ViTConfig] = {
    "vit_tiny_patch16": _size(192, 12, 3),
    "vit_small_patch16": _size(384, 12, 6),
    "vit_base_patch16": _size(768, 12, 12),
    "vit_large_patch16": _size(1024, 24, 16),
}


class VisionTransformer(Backbone):
    """Image (B, C, H, W) → TokenFeatures, for any H and W that are multiples of the patch size.

    The parameters have timm's names. The tokens are, in this order, the class token, the distillation token,
    the registers and the patches; registers have no position.
    """

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.embed_dim
        self.in_chans, self.embed_dim, self.num_heads = config.in_chans, dim, config.num_heads
        self.head_dim = config.head_dim
        self.num_blocks, self.size_divisor = config.depth, config.patch_size
        self.distilled = config.distilled
        self.num_prefix = config.num_position_tokens + config.num_registers
        self.feature_info = (FeatureInfo(dim, config.patch_size),) * config.depth
        self.patch_embed = PatchEmbed(config.patch_size, config.in_chans, dim)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.dist_token = nn.Parameter(torch.zeros(1, 1, dim)) if config.distilled else None
        self.reg_token = (
            nn.Parameter(torch.zeros(1, config.num_registers, dim)) if config.num_registers else None
        )
        positions = config.num_position_tokens + config.pos_grid[0] * config.pos_grid[1]
        self.pos_embed = nn.Parameter(torch.zeros(1, positions, dim))
        block = Block if config.reduction is None else ReducingBlock
        self.blocks = nn.ModuleList(
            block(
                dim,
                config.num_heads,
                config.mlp_ratio,
                qkv_bias=config.qkv_bias,
                layer_scale=config.layer_scale,
                drop_path=rate,
                norm_eps=config.norm_eps,
                head_dim=config.head_dim,
            )
            for rate in drop_path_rates(config.drop_path, [config.depth])[0]
        )
        self.norm = nn.LayerNorm(dim, eps=config.norm_eps)
        self._init_weights()

    def _init_weights(self) -> None:
        for parameter in (self.cls_token, self.dist_token, self.reg_token, self.pos_embed):
            if parameter is not None:
                nn.init.trunc_normal_(parameter, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def embed(self, image: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Image (B, C, H, W) → patch tokens with positions added (B, gh·gw, D), and their grid (gh, gw)."""
        config = self.config
        grid = (image.shape[-2] // config.patch_size, image.shape[-1] // config.patch_size)
        positions = self.pos_embed[:, config.num_position_tokens :]
        positions = interpolate_pos_embed(positions, config.pos_grid, grid, config.pos_interpolation)
        return self.patch_embed(image) + positions, grid

    def prefix(self, batch: int) -> Tensor:
        """The prefix tokens with positions added, except for registers, (batch, P, D)."""
        tokens = [self.cls_token + self.pos_embed[:, :1]]
        if self.dist_token is not None:
            tokens.append(self.dist_token + self.pos_embed[:, 1:2])
        if self.reg_token is not None:
            tokens.append(self.reg_token)
        return torch.cat(tokens, dim=1).expand(batch, -1, -1)

    def forward(
        self, image: Tensor, layers: Sequence[int] = (), attention_layers: Sequence[int] = ()
    ) -> TokenFeatures:
        """Encode as `Backbone.forward` does; the layers are the blocks, with the final norm applied."""
        kept = self._intermediates(image, layers, attention_layers)
        return self.encode(*self.embed(image), kept)

    def encode(
        self, patches: Tensor, grid: tuple[int, int], kept: Intermediates, first_layer: int = 0
    ) -> TokenFeatures:
        """Patch tokens with positions (B, gh·gw, D) → TokenFeatures.

        Args:
            patches: in raster order.
            grid: (gh, gw).
            kept: what to keep on the way.
            first_layer: index into `feature_info` of the first block.
        """
        x = torch.cat([self.prefix(patches.shape[0]), patches], dim=1)
        reduction = self.config.reduction
        remaining = None if reduction is None else whole(patches, reduction)
        for index, block in enumerate(self.blocks):
            entering = remaining
            if entering is None:
                x, weights = self.run_block(block, x, index in kept.blocks)
            else:
                x, weights, remaining = self.run_block(block, x, entering, reduction, index in kept.blocks)
            if weights is not None:
                kept.attention[index] = self._attention(weights, grid, entering)
            if first_layer + index in kept.layers:
                kept.maps[first_layer + index] = to_map(self._split(self.norm(x), remaining)[1], grid)
        return kept.features(*self._split(self.norm(x), remaining), grid)

    def _split(self, x: Tensor, remaining: Patches | None) -> tuple[Tensor, Tensor]:
        """Prefix tokens, and a token for every patch."""
        tokens = x[:, self.num_prefix :]
        return x[:, : self.num_prefix], tokens if remaining is None else remaining.restore(tokens)

    def _attention(self, weights: Tensor, grid: tuple[int, int], entering: Patches | None) -> BlockAttention:
        num_prefix = self.num_prefix
        if entering is None:
            return BlockAttention(weights, grid, num_prefix)

        def group(tokens: Tensor) -> Tensor:
            pooled = entering.pool(tokens[:, num_prefix:])
            return torch.cat([tokens[:, :num_prefix], pooled], dim=1).unsqueeze(1)

        def ungroup(values: Tensor) -> Tensor:
            values = values.squeeze(1)
            return torch.cat([values[:, :num_prefix], entering.share(values[:, num_prefix:])], dim=1)

        return BlockAttention(weights, grid, num_prefix, group=group, ungroup=ungroup)
