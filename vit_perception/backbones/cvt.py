"""CvT (Wu et al. 2021): convolutions embed the tokens and project them to queries, keys and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vit_perception.backbones.backbone import Backbone, FeatureInfo
from vit_perception.backbones.features import BlockAttention, TokenFeatures, spread, to_map
from vit_perception.layers.attention import attend, check_heads
from vit_perception.layers.block import DropPath, Mlp, drop_path_rates
from vit_perception.layers.checks import check_counts, check_numbers, check_probability, set_counts
from vit_perception.layers.conv import ConvNormAct
from vit_perception.layers.patch_embed import OverlapPatchEmbed

# Kernel, stride and padding of each stage's embedding, as published.
EMBEDDINGS = ((7, 4, 2), (3, 2, 1), (3, 2, 1))
KV_STRIDE = 2  # of the convolutions that project to keys and values


@dataclass(frozen=True)
class CvtConfig:
    """Architecture of a CvT, which has three stages, at strides of 4, 8 and 16 pixels.

    Attributes:
        widths: channels of each stage.
        depths: number of blocks of each stage.
        num_heads: attention heads of each stage; they divide its width.
        mlp_ratio: hidden channels of the MLP over the stage's width.
        in_chans: channels of the image.
        drop_path: drop-path probability of the last block in training, in [0, 1); it rises linearly to it.
        norm_eps: epsilon of LayerNorm, in (0, 1).

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    widths: tuple[int, ...] = (64, 192, 384)
    depths: tuple[int, ...] = (1, 2, 10)
    num_heads: tuple[int, ...] = (1, 3, 6)
    mlp_ratio: float = 4.0
    in_chans: int = 3
    drop_path: float = 0.0
    norm_eps: float = 1e-5

    def __post_init__(self) -> None:
        for name in ("widths", "depths", "num_heads"):
            set_counts(self, name, len(EMBEDDINGS))
        check_counts(self, "in_chans")
        check_numbers(self, "mlp_ratio")
        check_numbers(self, "norm_eps", high=1.0)
        check_probability(self, "drop_path")


VARIANTS: dict[str, CvtConfig] = {
    "cvt_13": CvtConfig(),
    "cvt_21": CvtConfig(depths=(1, 4, 16)),
    "cvt_w24": CvtConfig(widths=(192, 768, 1024), depths=(2, 2, 20), num_heads=(3, 12, 16)),
}


class ConvAttention(nn.Module):
    """Self-attention over P prefix tokens and a map, tokens (B, P + gh·gw, C) → the same shape.

    Queries, keys and values each have a depth-wise convolution, which halves the resolution of keys and
    values; prefix tokens bypass it. Weights (B, heads, P + gh·gw, P + kh·kw) on request.
    """

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        check_heads(dim, num_heads)
        self.num_heads = num_heads
        self.scale = dim**-0.5  # of the whole width, not of one head, as published
        self.conv_q = ConvNormAct(dim, dim, 3, groups=dim, act=False)
        self.conv_k = ConvNormAct(dim, dim, 3, stride=KV_STRIDE, groups=dim, act=False)
        self.conv_v = ConvNormAct(dim, dim, 3, stride=KV_STRIDE, groups=dim, act=False)
        self.q = nn.Linear(dim, dim)
        self.k = nn.Linear(dim, dim)
        self.v = nn.Linear(dim, dim)
        self.proj = nn.Linear(dim, dim)

    def forward(
        self, x: Tensor, grid: tuple[int, int], need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        num_prefix = x.shape[1] - grid[0] * grid[1]
        prefix, cells = x[:, :num_prefix], to_map(x[:, num_prefix:], grid)

        def heads(conv: nn.Module, linear: nn.Module) -> Tensor:
            tokens = torch.cat([prefix, conv(cells).flatten(2).transpose(1, 2)], dim=1)
            projected: Tensor = linear(tokens)
            return projected.reshape(*projected.shape[:2], self.num_heads, -1).transpose(1, 2)

        query, key, value = heads(self.conv_q, self.q), heads(self.conv_k, self.k), heads(self.conv_v, self.v)
        tokens, weights = attend(query, key, value, need_weights, scale=self.scale)
        return self.proj(tokens), weights


class ConvBlock(nn.Module):
    """Pre-norm block with convolutional attention, (B, P + gh·gw, C) → the same shape."""

    def __init__(self, dim: int, num_heads: int, mlp_ratio: float, drop_path: float, norm_eps: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=norm_eps)
        self.attn = ConvAttention(dim, num_heads)
        self.norm2 = nn.LayerNorm(dim, eps=norm_eps)
        self.mlp = Mlp(dim, int(dim * mlp_ratio))
        self.drop_path = DropPath(drop_path)

    def forward(
        self, x: Tensor, grid: tuple[int, int], need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        attended, weights = self.attn(self.norm1(x), grid, need_weights)
        x = x + self.drop_path(attended)
        return x + self.drop_path(self.mlp(self.norm2(x))), weights


class CvtStage(nn.Module):
    """One stage: the embedding, then the blocks. Its parts are run by Cvt.forward."""

    def __init__(self, config: CvtConfig, stage: int, rates: Sequence[float]) -> None:
        super().__init__()
        width = config.widths[stage]
        entering = config.widths[stage - 1] if stage else config.in_chans
        self.embed = OverlapPatchEmbed(entering, width, *EMBEDDINGS[stage], norm_eps=config.norm_eps)
        self.blocks = nn.ModuleList(
            ConvBlock(width, config.num_heads[stage], config.mlp_ratio, rate, config.norm_eps)
            for rate in rates
        )


class Cvt(Backbone):
    """Image (B, C, H, W), H and W divisible by 4, → TokenFeatures, with maps at strides 4, 8 and 16.

    The maps are the outputs of the stages, before the final norm; the tokens are after it. The class token
    joins in the last stage.
    """

    num_prefix = 1
    first_conv = "stages.0.embed.proj.weight"

    def __init__(self, config: CvtConfig) -> None:
        super().__init__()
        self.config = config
        self.in_chans, self.embed_dim, self.num_heads = (
            config.in_chans,
            config.widths[-1],
            config.num_heads[-1],
        )
        self.num_blocks, self.size_divisor = sum(config.depths), EMBEDDINGS[0][1]
        self.feature_info = tuple(FeatureInfo(width, 4 << stage) for stage, width in enumerate(config.widths))
        self.stages = nn.ModuleList(
            CvtStage(config, stage, rates)
            for stage, rates in enumerate(drop_path_rates(config.drop_path, config.depths))
        )
        self.cls_token = nn.Parameter(torch.zeros(1, 1, self.embed_dim))
        self.norm = nn.LayerNorm(self.embed_dim, eps=config.norm_eps)
        nn.init.trunc_normal_(self.cls_token, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(
        self, image: Tensor, layers: Sequence[int] = (), attention_layers: Sequence[int] = ()
    ) -> TokenFeatures:
        """Encode as `Backbone.forward` does; the layers are the stages."""
        kept = self._intermediates(image, layers, attention_layers)
        cells, number = image, 0
        for index, stage in enumerate(self.stages):
            assert isinstance(stage, CvtStage)
            embedded = stage.embed(cells)
            grid = (embedded.shape[1], embedded.shape[2])
            num_prefix = self.num_prefix if index == len(self.stages) - 1 else 0
            x = embedded.flatten(1, 2)
            if num_prefix:
                x = torch.cat([self.cls_token.expand(len(image), -1, -1), x], dim=1)
            for block in stage.blocks:
                x, weights = self.run_block(block, x, grid, number in kept.blocks)
                if weights is not None:
                    kept.attention[number] = _attention(weights, grid, num_prefix)
                number += 1
            cells = to_map(x[:, num_prefix:], grid)
            if index in kept.layers:
                kept.maps[index] = cells
        x = self.norm(x)
        return kept.features(x[:, :1], x[:, 1:], grid)


def _attention(weights: Tensor, grid: tuple[int, int], num_prefix: int) -> BlockAttention:
    """Weights (B, heads, P + gh·gw, P + kh·kw); the cells of a key share the attention to it."""
    keys = (-(-grid[0] // KV_STRIDE), -(-grid[1] // KV_STRIDE))

    def ungroup(values: Tensor) -> Tensor:
        values = values.squeeze(1)
        return torch.cat([values[:, :num_prefix], spread(values[:, num_prefix:], keys, grid)], dim=1)

    return BlockAttention(weights, grid, num_prefix, ungroup=ungroup)
