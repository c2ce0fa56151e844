"""ViTDet's backbone (Li et al. 2022): a plain ViT with window attention and a few global blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from vit_perception.backbones.backbone import Backbone, FeatureInfo
from vit_perception.backbones.features import BlockAttention, TokenFeatures, split_groups
from vit_perception.layers.attention import attend, check_heads
from vit_perception.layers.block import DropPath, Mlp, drop_path_rates
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
from vit_perception.layers.rel_pos import decomposed_bias
from vit_perception.layers.windows import merge, partition


@dataclass(frozen=True)
class VitDetConfig:
    """Architecture of a ViTDet backbone.

    Attributes:
        patch_size: side of a patch in pixels.
        embed_dim: D, channels of a token.
        depth: number of blocks.
        num_heads: attention heads of each block; they divide `embed_dim`.
        mlp_ratio: hidden channels of the MLP over `embed_dim`.
        in_chans: channels of the image.
        pos_grid: rows and columns of the grid that the absolute position embedding was learned on.
        pos_interpolation: how the absolute position embedding is resampled to other grids.
        window_size: side of a window in patches.
        global_blocks: indices of the blocks that attend to the whole image; the others attend within
            windows.
        rel_pos_grid: rows and columns of patches for which the global blocks' relative positions were
            learned; None for no relative positions in any block.
        qkv_bias: whether the projections to queries, keys and values have a bias.
        drop_path: drop-path probability of the last block in training, in [0, 1); it rises linearly to it.
        norm_eps: epsilon of LayerNorm, in (0, 1).

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    patch_size: int = 16
    embed_dim: int = 768
    depth: int = 12
    num_heads: int = 12
    mlp_ratio: float = 4.0
    in_chans: int = 3
    pos_grid: tuple[int, int] = (14, 14)
    pos_interpolation: PosInterpolation = DEFAULT_INTERPOLATION
    window_size: int = 14
    global_blocks: tuple[int, ...] = (2, 5, 8, 11)
    rel_pos_grid: tuple[int, int] | None = (64, 64)
    qkv_bias: bool = True
    drop_path: float = 0.0
    norm_eps: float = 1e-6

    def __post_init__(self) -> None:
        check_counts(self, "patch_size", "embed_dim", "depth", "num_heads", "in_chans", "window_size")
        check_numbers(self, "mlp_ratio")
        check_numbers(self, "norm_eps", high=1.0)
        check_probability(self, "drop_path")
        check_flags(self, "qkv_bias")
        set_nested(self, "pos_interpolation", PosInterpolation)
        set_counts(self, "pos_grid", 2)
        if self.rel_pos_grid is not None:
            set_counts(self, "rel_pos_grid", 2)
        if self.global_blocks:
            set_counts(self, "global_blocks", least=0)
        if wrong := [index for index in self.global_blocks if index >= self.depth]:
            raise ValueError(f"global_blocks: block {wrong[0]} does not exist: there are {self.depth} blocks")


VARIANTS: dict[str, VitDetConfig] = {
    "vitdet_tiny_patch16": VitDetConfig(embed_dim=192, num_heads=3),
    "vitdet_small_patch16": VitDetConfig(embed_dim=384, num_heads=6),
    "vitdet_base_patch16": VitDetConfig(),
    "vitdet_large_patch16": VitDetConfig(
        embed_dim=1024, depth=24, num_heads=16, global_blocks=(5, 11, 17, 23)
    ),
}


class RelPosAttention(nn.Module):
    """Self-attention with decomposed relative positions, (B, gh·gw, D) → (B, gh·gw, D).

    Args:
        config: of the backbone.
        table_grid: rows and columns for which the relative positions are learned; None for none.
    """

    def __init__(self, config: VitDetConfig, table_grid: tuple[int, int] | None) -> None:
        super().__init__()
        dim = config.embed_dim
        self.num_heads, head_dim = config.num_heads, check_heads(dim, config.num_heads)
        self.qkv = nn.Linear(dim, dim * 3, bias=config.qkv_bias)
        self.proj = nn.Linear(dim, dim)
        self.rel_pos_h: nn.Parameter | None = None
        self.rel_pos_w: nn.Parameter | None = None
        if table_grid is not None:
            self.rel_pos_h = nn.Parameter(torch.zeros(2 * table_grid[0] - 1, head_dim))
            self.rel_pos_w = nn.Parameter(torch.zeros(2 * table_grid[1] - 1, head_dim))

    def forward(self, x: Tensor, grid: tuple[int, int], need_weights: bool) -> tuple[Tensor, Tensor | None]:
        qkv: Tensor = self.qkv(x)
        query, key, value = qkv.reshape(*x.shape[:2], 3, self.num_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        bias = None
        if self.rel_pos_h is not None and self.rel_pos_w is not None:
            bias = decomposed_bias(query, self.rel_pos_h, self.rel_pos_w, grid, grid)
        tokens, weights = attend(query, key, value, need_weights, bias)
        return self.proj(tokens), weights


class VitDetBlock(nn.Module):
    """Pre-norm block on a map (B, gh, gw, D); weights (B·windows, heads, n, n) on request.

    Args:
        config: of the backbone.
        window_size: side of a window in patches; None attends to the whole map.
        drop_path: probability of dropping a branch in training, in [0, 1).
    """

    def __init__(self, config: VitDetConfig, window_size: int | None, drop_path: float) -> None:
        super().__init__()
        dim = config.embed_dim
        self.window = None if window_size is None else (window_size, window_size)
        table_grid = self.window or config.rel_pos_grid
        self.norm1 = nn.LayerNorm(dim, eps=config.norm_eps)
        self.attn = RelPosAttention(config, table_grid if config.rel_pos_grid else None)
        self.norm2 = nn.LayerNorm(dim, eps=config.norm_eps)
        self.mlp = Mlp(dim, int(dim * config.mlp_ratio))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        grid = (x.shape[1], x.shape[2])
        window = self.window or grid
        windows = partition(self.norm1(x), window)
        # As published, padding takes part in the attention: zeros after the norm, then the biases.
        attended, weights = self.attn(windows.flatten(0, 1), window, need_weights)
        x = x + self.drop_path(merge(attended.reshape(windows.shape), window, grid))
        x = x + self.drop_path(self.mlp(self.norm2(x)))
        return x, weights

    def attention(self, raw: Tensor, grid: tuple[int, int], batch: int) -> BlockAttention:
        """The weights (B·windows, heads, n, n) of this block, with the mapping between tokens and windows."""
        window = self.window or grid

        def group(tokens: Tensor) -> Tensor:
            return partition(tokens.reshape(tokens.shape[0], *grid, tokens.shape[-1]), window)

        def ungroup(windows: Tensor) -> Tensor:
            return merge(windows, window, grid).flatten(1, 2)

        return BlockAttention(raw, grid, 0, partial(split_groups, batch=batch), group, ungroup)


class VitDetBackbone(Backbone):
    """Image (B, C, H, W) → TokenFeatures, for any H and W that are multiples of the patch size.

    There is no class token and no final norm: a layer's map is the output of its block, and the pyramid has
    norms of its own.
    """

    def __init__(self, config: VitDetConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.embed_dim
        self.in_chans, self.embed_dim, self.num_heads = config.in_chans, dim, config.num_heads
        self.num_blocks, self.size_divisor = config.depth, config.patch_size
        self.feature_info = (FeatureInfo(dim, config.patch_size),) * config.depth
        self.patch_embed = PatchEmbed(config.patch_size, config.in_chans, dim)
        self.pos_embed = nn.Parameter(torch.zeros(1, config.pos_grid[0] * config.pos_grid[1], dim))
        self.blocks = nn.ModuleList(
            VitDetBlock(
                config,
                None if index in config.global_blocks else config.window_size,
                rate,
            )
            for index, rate in enumerate(drop_path_rates(config.drop_path, [config.depth])[0])
        )
        for name, parameter in self.named_parameters():
            if "pos" in name or (name.startswith("blocks.") and parameter.ndim > 1):
                nn.init.trunc_normal_(parameter, std=0.02)

    def forward(
        self, image: Tensor, layers: Sequence[int] = (), attention_layers: Sequence[int] = ()
    ) -> TokenFeatures:
        """Encode as `Backbone.forward` does; the layers are the blocks."""
        kept = self._intermediates(image, layers, attention_layers)
        config = self.config
        grid = (image.shape[-2] // config.patch_size, image.shape[-1] // config.patch_size)
        positions = interpolate_pos_embed(self.pos_embed, config.pos_grid, grid, config.pos_interpolation)
        x = (self.patch_embed(image) + positions).reshape(image.shape[0], *grid, self.embed_dim)
        for index, block in enumerate(self.blocks):
            assert isinstance(block, VitDetBlock)
            x, weights = self.run_block(block, x, index in kept.blocks)
            if weights is not None:
                kept.attention[index] = block.attention(weights, grid, image.shape[0])
            if index in kept.layers:
                kept.maps[index] = x.permute(0, 3, 1, 2)
        tokens = x.flatten(1, 2)
        return kept.features(tokens[:, :0], tokens, grid)
