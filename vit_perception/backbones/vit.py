"""The plain Vision Transformer (Dosovitskiy et al. 2021): also DeiT, DINOv2 and the encoder of MAE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vit_perception.backbones.backbone import Backbone, FeatureInfo
from vit_perception.backbones.features import BlockAttention, TokenFeatures, to_map
from vit_perception.layers.block import Block
from vit_perception.layers.patch_embed import PatchEmbed
from vit_perception.layers.pos_embed import (
    DEFAULT_INTERPOLATION,
    PosInterpolation,
    interpolate_pos_embed,
)
from vit_perception.layers.token_reduction import Patches, ReducingBlock, TokenReduction, whole


@dataclass(frozen=True)
class ViTConfig:
    """Shape of a ViT. pos_grid: rows and columns of the learned position embedding, resampled by
    pos_interpolation; head_dim: channels of a head, where some heads were pruned (see export/compress.py);
    distilled: a distillation token with its own position (DeiT, Touvron et al. 2021);
    num_registers: register tokens (Darcet et al. 2024); layer_scale: initial gain, None for none;
    reduction: fewer tokens from block to block, with the weights of any checkpoint."""

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
        for name in ("patch_size", "embed_dim", "depth", "num_heads", "in_chans"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if self.head_dim is not None and self.head_dim <= 0:
            raise ValueError(f"head_dim must be positive, not {self.head_dim}")
        if self.num_registers < 0:
            raise ValueError(f"num_registers must not be negative, not {self.num_registers}")
        object.__setattr__(self, "pos_grid", tuple(self.pos_grid))  # YAML gives a list
        if isinstance(self.pos_interpolation, Mapping):  # and a mapping
            object.__setattr__(self, "pos_interpolation", PosInterpolation(**self.pos_interpolation))
        if isinstance(self.reduction, Mapping):
            object.__setattr__(self, "reduction", TokenReduction(**self.reduction))
        if self.reduction is not None:
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
    """Image (B, C, H, W) → TokenFeatures, for any H and W divisible by the patch.

    Parameters carry timm's names. Tokens are class, distillation, registers, patches, in this order;
    registers have no position.
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
        rates = [config.drop_path * i / max(config.depth - 1, 1) for i in range(config.depth)]
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
            for rate in rates
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
        """Patches with their positions, (B, gh·gw, D), and the grid (gh, gw)."""
        config = self.config
        grid = (image.shape[-2] // config.patch_size, image.shape[-1] // config.patch_size)
        positions = self.pos_embed[:, config.num_position_tokens :]
        positions = interpolate_pos_embed(positions, config.pos_grid, grid, config.pos_interpolation)
        return self.patch_embed(image) + positions, grid

    def prefix(self, batch: int) -> Tensor:
        """The tokens before the patches, with the positions that they have, (batch, P, D)."""
        tokens = [self.cls_token + self.pos_embed[:, :1]]
        if self.dist_token is not None:
            tokens.append(self.dist_token + self.pos_embed[:, 1:2])
        if self.reg_token is not None:
            tokens.append(self.reg_token)
        return torch.cat(tokens, dim=1).expand(batch, -1, -1)

    def forward(
        self, image: Tensor, layers: Sequence[int] = (), attention_layers: Sequence[int] = ()
    ) -> TokenFeatures:
        """Encode, as `Backbone.forward`; the layers are the blocks, their maps after the final norm."""
        wanted, attended = self._wanted(layers, attention_layers)
        self._check_image(image)
        patches, grid = self.embed(image)
        x = torch.cat([self.prefix(image.shape[0]), patches], dim=1)
        reduction = self.config.reduction
        held = None if reduction is None else whole(patches, reduction)
        maps: dict[int, Tensor] = {}
        attention: dict[int, BlockAttention] = {}
        for index, block in enumerate(self.blocks):
            entering = held
            if entering is None:
                x, weights = self.run_block(block, x, index in attended)
            else:
                x, weights, held = self.run_block(block, x, entering, reduction, index in attended)
            if weights is not None:
                attention[index] = self._attention(weights, grid, entering)
            if index in wanted:
                maps[index] = to_map(self._split(self.norm(x), held)[1], grid)
        prefix, patches = self._split(self.norm(x), held)
        return TokenFeatures(prefix[:, 0], prefix, patches, grid, maps, attention)

    def _split(self, x: Tensor, held: Patches | None) -> tuple[Tensor, Tensor]:
        """Prefix tokens, and a token for every patch."""
        tokens = x[:, self.num_prefix :]
        return x[:, : self.num_prefix], tokens if held is None else held.restore(tokens)

    def _attention(self, weights: Tensor, grid: tuple[int, int], held: Patches | None) -> BlockAttention:
        num_prefix = self.num_prefix
        if held is None:
            return BlockAttention(weights, grid, num_prefix)

        def group(tokens: Tensor) -> Tensor:
            return torch.cat([tokens[:, :num_prefix], held.pool(tokens[:, num_prefix:])], dim=1).unsqueeze(1)

        def ungroup(values: Tensor) -> Tensor:
            values = values.squeeze(1)
            return torch.cat([values[:, :num_prefix], held.share(values[:, num_prefix:])], dim=1)

        return BlockAttention(weights, grid, num_prefix, group=group, ungroup=ungroup)
