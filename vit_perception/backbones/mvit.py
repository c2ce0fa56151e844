"""Multi-scale ViT (MViTv2, Li et al. 2022): attention over pooled keys and values, in widening stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.backbones.backbone import Backbone, FeatureInfo
from vit_perception.backbones.features import BlockAttention, TokenFeatures, spread, to_map
from vit_perception.layers.attention import attend, check_heads
from vit_perception.layers.block import DropPath, Mlp, drop_path_rates
from vit_perception.layers.checks import (
    check_counts,
    check_flags,
    check_numbers,
    check_probability,
    set_counts,
)
from vit_perception.layers.patch_embed import OverlapPatchEmbed
from vit_perception.layers.rel_pos import decomposed_bias

PATCH_STRIDE = 4


@dataclass(frozen=True)
class MvitConfig:
    """Architecture of a multi-scale ViT.

    Attributes:
        embed_dim: channels of the first stage; they double in each further stage.
        depths: number of blocks of each stage.
        num_heads: attention heads of the first stage; they divide `embed_dim` and double in each further
            stage.
        mlp_ratio: hidden channels of the MLP over the block's width.
        kv_stride: side, in cells of the first stage, of the area that a key is pooled from; it halves in
            each further stage, down to 1.
        rel_pos_grid: rows and columns of the first stage's map for which the relative positions were
            learned.
        in_chans: channels of the image.
        qkv_bias: whether the projections to queries, keys and values have a bias.
        drop_path: drop-path probability of the last block in training, in [0, 1); it rises linearly to it.
        norm_eps: epsilon of LayerNorm, in (0, 1).

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    embed_dim: int = 96
    depths: tuple[int, ...] = (2, 3, 16, 3)
    num_heads: int = 1
    mlp_ratio: float = 4.0
    kv_stride: int = 4
    rel_pos_grid: tuple[int, int] = (56, 56)
    in_chans: int = 3
    qkv_bias: bool = True
    drop_path: float = 0.0
    norm_eps: float = 1e-6

    def __post_init__(self) -> None:
        set_counts(self, "depths")
        set_counts(self, "rel_pos_grid", 2)
        check_counts(self, "embed_dim", "num_heads", "kv_stride", "in_chans")
        check_numbers(self, "mlp_ratio")
        check_numbers(self, "norm_eps", high=1.0)
        check_probability(self, "drop_path")
        check_flags(self, "qkv_bias")


VARIANTS: dict[str, MvitConfig] = {
    "mvitv2_tiny": MvitConfig(depths=(1, 2, 5, 2)),
    "mvitv2_small": MvitConfig(depths=(1, 2, 11, 2)),
    "mvitv2_base": MvitConfig(depths=(2, 3, 16, 3)),
}


@dataclass(frozen=True)
class PoolPlan:
    """The shapes of one block.

    Attributes:
        dim: channels of the tokens that enter.
        dim_out: channels of the tokens that leave.
        num_heads: attention heads; they divide `dim_out`.
        q_stride: stride of the convolution that pools the queries, in cells; 1 keeps the grid.
        kv_stride: stride of the convolutions that pool the keys and the values, in cells.
        native_grid: rows and columns of the entering tokens for which the relative positions were learned.
    """

    dim: int
    dim_out: int
    num_heads: int
    q_stride: int
    kv_stride: int
    native_grid: tuple[int, int]


def pooled(grid: tuple[int, int], stride: int) -> tuple[int, int]:
    """The grid after a pooling convolution of that stride."""
    return -(-grid[0] // stride), -(-grid[1] // stride)


def _pool(channels: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, 3, stride, padding=1, groups=channels, bias=False)


class PoolingAttention(nn.Module):
    """Self-attention over pooled queries, keys and values, (B, gh·gw, C) → (B, qh·qw, C').

    Decomposed relative positions are added to the logits, and the pooled queries to the output.
    Weights (B, heads, qh·qw, kh·kw) on request.
    """

    def __init__(self, plan: PoolPlan, qkv_bias: bool, norm_eps: float) -> None:
        super().__init__()
        self.plan = plan
        channels = check_heads(plan.dim_out, plan.num_heads)
        self.qkv = nn.Linear(plan.dim, 3 * plan.dim_out, bias=qkv_bias)
        self.proj = nn.Linear(plan.dim_out, plan.dim_out)
        self.pool_q, self.norm_q = _pool(channels, plan.q_stride), nn.LayerNorm(channels, eps=norm_eps)
        self.pool_k, self.norm_k = _pool(channels, plan.kv_stride), nn.LayerNorm(channels, eps=norm_eps)
        self.pool_v, self.norm_v = _pool(channels, plan.kv_stride), nn.LayerNorm(channels, eps=norm_eps)
        queries, keys = (pooled(plan.native_grid, stride) for stride in (plan.q_stride, plan.kv_stride))
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * max(queries[0], keys[0]) - 1, channels))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * max(queries[1], keys[1]) - 1, channels))

    def forward(
        self, x: Tensor, grid: tuple[int, int], need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        heads = self.plan.num_heads
        # (3, B·heads, channels, gh, gw): the convolutions are shared by the heads.
        qkv = self.qkv(x).unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 4, 1).flatten(1, 2)
        qkv = qkv.unflatten(-1, grid)

        def heads_of(cells: Tensor, pool: nn.Module, norm: nn.Module) -> Tensor:
            tokens: Tensor = norm(pool(cells).flatten(2).transpose(1, 2))
            return tokens.reshape(-1, heads, *tokens.shape[1:])

        query = heads_of(qkv[0], self.pool_q, self.norm_q)
        key = heads_of(qkv[1], self.pool_k, self.norm_k)
        value = heads_of(qkv[2], self.pool_v, self.norm_v)
        bias = decomposed_bias(
            query,
            self.rel_pos_h,
            self.rel_pos_w,
            pooled(grid, self.plan.q_stride),
            pooled(grid, self.plan.kv_stride),
        )
        tokens, weights = attend(query, key, value, need_weights, bias)
        return self.proj(tokens + query.transpose(1, 2).flatten(2)), weights


class PoolingBlock(nn.Module):
    """Pre-norm block, (B, gh·gw, C) → (B, qh·qw, C').

    As published, the shortcut starts from the normed tokens where the width changes, and is max-pooled
    where the queries are pooled.
    """

    def __init__(self, plan: PoolPlan, config: MvitConfig, drop_path: float) -> None:
        super().__init__()
        self.plan = plan
        self.norm1 = nn.LayerNorm(plan.dim, eps=config.norm_eps)
        self.attn = PoolingAttention(plan, config.qkv_bias, config.norm_eps)
        self.shortcut_proj_attn = nn.Linear(plan.dim, plan.dim_out) if plan.dim != plan.dim_out else None
        self.norm2 = nn.LayerNorm(plan.dim_out, eps=config.norm_eps)
        self.mlp = Mlp(plan.dim_out, int(plan.dim_out * config.mlp_ratio))
        self.drop_path = DropPath(drop_path)

    def forward(
        self, x: Tensor, grid: tuple[int, int], need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        normed = self.norm1(x)
        shortcut = x if self.shortcut_proj_attn is None else self.shortcut_proj_attn(normed)
        if self.plan.q_stride > 1:
            cells = to_map(shortcut, grid)
            cells = F.max_pool2d(cells, self.plan.q_stride + 1, self.plan.q_stride, padding=1)
            shortcut = cells.flatten(2).transpose(1, 2)
        attended, weights = self.attn(normed, grid, need_weights)
        x = shortcut + self.drop_path(attended)
        return x + self.drop_path(self.mlp(self.norm2(x))), weights


def _plans(config: MvitConfig) -> list[list[PoolPlan]]:
    """The shapes of each block of each stage."""
    plans: list[list[PoolPlan]] = []
    dim, grid, kv_stride = config.embed_dim, config.rel_pos_grid, config.kv_stride
    for stage, depth in enumerate(config.depths):
        width, stage_stride = config.embed_dim << stage, 2 if stage else 1
        kv_stride = max(kv_stride // stage_stride, 1)
        plans.append([])
        for place in range(depth):
            stride = stage_stride if place == 0 else 1
            plans[-1].append(PoolPlan(dim, width, config.num_heads << stage, stride, kv_stride, grid))
            dim, grid = width, pooled(grid, stride)
    return plans


class MvitStage(nn.Module):
    """The blocks of one stage, which Mvit.forward runs."""

    def __init__(self, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)


class Mvit(Backbone):
    """Image (B, C, H, W) of any size → TokenFeatures, with maps at strides 4, 8, 16 and 32.

    The last stage's map and the tokens are after the final norm; the class token is the tokens' mean.
    """

    def __init__(self, config: MvitConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.embed_dim << stage for stage in range(len(config.depths))]
        self.in_chans, self.embed_dim = config.in_chans, widths[-1]
        self.num_heads, self.num_blocks = config.num_heads << (len(widths) - 1), sum(config.depths)
        self.feature_info = tuple(
            FeatureInfo(width, PATCH_STRIDE << stage) for stage, width in enumerate(widths)
        )
        self.patch_embed = OverlapPatchEmbed(config.in_chans, config.embed_dim, 7, PATCH_STRIDE, 3)
        rates = drop_path_rates(config.drop_path, config.depths)
        self.stages = nn.ModuleList(
            MvitStage([PoolingBlock(plan, config, rate) for plan, rate in zip(*stage, strict=True)])
            for stage in zip(_plans(config), rates, strict=True)
        )
        self.norm = nn.LayerNorm(self.embed_dim, eps=config.norm_eps)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                nn.init.trunc_normal_(parameter, std=0.02)
            elif name.endswith(".bias"):
                nn.init.zeros_(parameter)

    def forward(
        self, image: Tensor, layers: Sequence[int] = (), attention_layers: Sequence[int] = ()
    ) -> TokenFeatures:
        """Encode as `Backbone.forward` does; the layers are the stages."""
        kept = self._intermediates(image, layers, attention_layers)
        embedded = self.patch_embed(image)
        grid = (embedded.shape[1], embedded.shape[2])
        x, number = embedded.flatten(1, 2), 0
        for index, stage in enumerate(self.stages):
            assert isinstance(stage, MvitStage)
            for block in stage.blocks:
                assert isinstance(block, PoolingBlock)
                x, weights = self.run_block(block, x, grid, number in kept.blocks)
                if weights is not None:
                    kept.attention[number] = _attention(weights, grid, block.plan)
                grid = pooled(grid, block.plan.q_stride)
                number += 1
            if index == len(self.stages) - 1:
                x = self.norm(x)
            if index in kept.layers:
                kept.maps[index] = to_map(x, grid)
        return kept.features(x[:, :0], x, grid)


def _attention(weights: Tensor, grid: tuple[int, int], plan: PoolPlan) -> BlockAttention:
    """Weights (B, heads, qh·qw, kh·kw); the cells of a pooled key share the attention to it."""
    keys = pooled(grid, plan.kv_stride)

    def ungroup(values: Tensor) -> Tensor:
        return spread(values.squeeze(1), keys, grid)

    return BlockAttention(weights, grid, ungroup=ungroup, query_grid=pooled(grid, plan.q_stride))
