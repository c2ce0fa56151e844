"""The plain Vision Transformer (Dosovitskiy et al. 2021), with DINOv2's LayerScale and registers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vit_perception.backbones.features import TokenFeatures
from vit_perception.layers.block import Block
from vit_perception.layers.patch_embed import PatchEmbed
from vit_perception.layers.pos_embed import interpolate_pos_embed


@dataclass(frozen=True)
class ViTConfig:
    """Shape of a ViT. pos_grid: rows and columns of the learned position embedding;
    layer_scale: initial gain, None for none; num_registers: register tokens (Darcet et al. 2024)."""

    patch_size: int = 16
    embed_dim: int = 384
    depth: int = 12
    num_heads: int = 6
    mlp_ratio: float = 4.0
    in_chans: int = 3
    pos_grid: tuple[int, int] = (14, 14)
    num_registers: int = 0
    layer_scale: float | None = None
    drop_path: float = 0.0
    norm_eps: float = 1e-6

    def __post_init__(self) -> None:
        for name in ("patch_size", "embed_dim", "depth", "num_heads", "in_chans"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if self.num_registers < 0:
            raise ValueError(f"num_registers must not be negative, not {self.num_registers}")
        object.__setattr__(self, "pos_grid", tuple(self.pos_grid))  # YAML gives a list


class VisionTransformer(nn.Module):
    """Image (B, C, H, W) → TokenFeatures, for any H and W divisible by the patch.

    Parameters carry timm's names. The class token has position 0; registers have none.
    """

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.embed_dim
        self.patch_embed = PatchEmbed(config.patch_size, config.in_chans, dim)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.reg_token = (
            nn.Parameter(torch.zeros(1, config.num_registers, dim)) if config.num_registers else None
        )
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + config.pos_grid[0] * config.pos_grid[1], dim))
        rates = [config.drop_path * i / max(config.depth - 1, 1) for i in range(config.depth)]
        self.blocks = nn.ModuleList(
            Block(
                dim,
                config.num_heads,
                config.mlp_ratio,
                layer_scale=config.layer_scale,
                drop_path=rate,
                norm_eps=config.norm_eps,
            )
            for rate in rates
        )
        self.norm = nn.LayerNorm(dim, eps=config.norm_eps)
        self._init_weights()

    def _init_weights(self) -> None:
        for parameter in (self.cls_token, self.pos_embed, self.reg_token):
            if parameter is not None:
                nn.init.trunc_normal_(parameter, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    @property
    def num_prefix(self) -> int:
        """Tokens before the first patch: the class token and the registers."""
        return 1 + self.config.num_registers

    def _embed(self, image: Tensor) -> tuple[Tensor, tuple[int, int]]:
        grid = (image.shape[-2] // self.config.patch_size, image.shape[-1] // self.config.patch_size)
        patches = self.patch_embed(image)
        patches = patches + interpolate_pos_embed(self.pos_embed[:, 1:], self.config.pos_grid, grid)
        cls_token = (self.cls_token + self.pos_embed[:, :1]).expand(image.shape[0], -1, -1)
        prefix = [cls_token]
        if self.reg_token is not None:
            prefix.append(self.reg_token.expand(image.shape[0], -1, -1))
        return torch.cat([*prefix, patches], dim=1), grid

    def forward(
        self, image: Tensor, layers: Sequence[int] = (), attention_layers: Sequence[int] = ()
    ) -> TokenFeatures:
        """Encode; `layers` and `attention_layers` are the block indices to keep, negative from the end.

        Raises:
            ValueError: a block index is out of range, or the image does not fit the patch.
        """
        wanted, attended = self._indices(layers), self._indices(attention_layers)
        x, grid = self._embed(image)
        kept: dict[int, Tensor] = {}
        attention: dict[int, Tensor] = {}
        for index, block in enumerate(self.blocks):
            x, weights = block(x, need_weights=index in attended)
            if weights is not None:
                attention[index] = weights
            if index in wanted:
                kept[index] = self.norm(x)[:, self.num_prefix :]
        x = self.norm(x)
        prefix, patches = x[:, : self.num_prefix], x[:, self.num_prefix :]
        return TokenFeatures(x[:, 0], prefix, patches, grid, kept, attention)

    def _indices(self, indices: Sequence[int]) -> set[int]:
        depth = len(self.blocks)
        for index in indices:
            if not -depth <= index < depth:
                raise ValueError(f"block {index} does not exist: this ViT has {depth} blocks")
        return {index % depth for index in indices}
