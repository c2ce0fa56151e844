"""Swin (Liu et al. 2021): attention in windows, shifted in every other block; stages merge patches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
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
)
from vit_perception.layers.windows import ShiftedWindows


@dataclass(frozen=True)
class SwinConfig:
    """Architecture of a Swin. In the last three fields, the sources differ at other than their native sizes.

    Attributes:
        patch_size: side of a patch in pixels.
        embed_dim: channels of the first stage; they double in each further stage.
        depths: number of blocks of each stage.
        num_heads: attention heads of each stage; they divide its width.
        window_size: side of a window in cells.
        mlp_ratio: hidden channels of the MLP over the stage's width.
        in_chans: channels of the image.
        qkv_bias: whether the projections to queries, keys and values have a bias.
        drop_path: drop-path probability of the last block in training, in [0, 1); it rises linearly to it.
        norm_eps: epsilon of LayerNorm, in (0, 1).
        pad_patches: pad the image to a multiple of the patch size; torchvision crops it instead.
        pad_before_shift: pad a map before its windows are shifted, see `ShiftedWindows`.
        shift_by_axis: where one window covers one side of the map, shift along the other side only;
            Hugging Face then shifts along neither.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    patch_size: int = 4
    embed_dim: int = 96
    depths: tuple[int, ...] = (2, 2, 6, 2)
    num_heads: tuple[int, ...] = (3, 6, 12, 24)
    window_size: int = 7
    mlp_ratio: float = 4.0
    in_chans: int = 3
    qkv_bias: bool = True
    drop_path: float = 0.0
    norm_eps: float = 1e-5
    pad_patches: bool = True
    pad_before_shift: bool = True
    shift_by_axis: bool = True

    def __post_init__(self) -> None:
        set_counts(self, "depths")
        set_counts(self, "num_heads")
        if len(self.depths) != len(self.num_heads):
            raise ValueError(f"depths {self.depths} and num_heads {self.num_heads} differ in stages")
        check_counts(self, "patch_size", "embed_dim", "window_size", "in_chans")
        check_numbers(self, "mlp_ratio")
        check_numbers(self, "norm_eps", high=1.0)
        check_probability(self, "drop_path")
        check_flags(self, "qkv_bias", "pad_patches", "pad_before_shift", "shift_by_axis")

    def windows(self, size: tuple[int, int], stage: int, shifted: bool) -> ShiftedWindows:
        """The windows of a block.

        Args:
            size: (H, W) of the map in cells.
            stage: index of the block's stage.
            shifted: whether the block's windows are shifted.
        """
        window = self.window_size
        shift = tuple(window // 2 if shifted and side > window else 0 for side in size)
        if not self.shift_by_axis and 0 in shift:
            shift = (0, 0)
        return ShiftedWindows(size, (window, window), (shift[0], shift[1]), self.pad_before_shift)


VARIANTS: dict[str, SwinConfig] = {
    "swin_tiny_patch4_window7": SwinConfig(),
    "swin_small_patch4_window7": SwinConfig(depths=(2, 2, 18, 2)),
    "swin_base_patch4_window7": SwinConfig(embed_dim=128, depths=(2, 2, 18, 2), num_heads=(4, 8, 16, 32)),
}


def relative_index(window: int) -> Tensor:
    """For each pair of a window's n cells, its row in a table of all (2·window - 1)² offsets, (n, n)."""
    y, x = (axis.flatten() for axis in torch.meshgrid(*[torch.arange(window)] * 2, indexing="ij"))
    dy, dx = (axis.unsqueeze(1) - axis.unsqueeze(0) + window - 1 for axis in (y, x))
    return dy * (2 * window - 1) + dx


class WindowAttention(nn.Module):
    """Self-attention in windows (B, G, n, C) → (B, G, n, C), with a learned bias for each offset.

    Weights (B·G, heads, n, n) on request.
    """

    relative_position_index: Tensor

    def __init__(self, config: SwinConfig, stage: int) -> None:
        super().__init__()
        dim, self.num_heads = config.embed_dim << stage, config.num_heads[stage]
        check_heads(dim, self.num_heads)
        self.make_parameters(config, stage, dim)
        self.proj = nn.Linear(dim, dim)
        self.register_buffer("relative_position_index", relative_index(config.window_size), persistent=False)

    def make_parameters(self, config: SwinConfig, stage: int, dim: int) -> None:
        """Make the projection to queries, keys and values, and the parameters of the bias."""
        self.relative_position_bias_table = nn.Parameter(
            torch.zeros((2 * config.window_size - 1) ** 2, self.num_heads)
        )
        self.qkv = nn.Linear(dim, dim * 3, bias=config.qkv_bias)

    def project(self, x: Tensor) -> Tensor:
        """Tokens (B, G, n, C) → queries, keys and values (B, G, n, 3·C)."""
        qkv: Tensor = self.qkv(x)
        return qkv

    def bias(self) -> Tensor:
        """The bias that is added to the logits of every window, (heads, n, n)."""
        return self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)

    def products(
        self, query: Tensor, key: Tensor, value: Tensor, need_weights: bool, bias: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Attention of queries, keys and values (B·G, heads, n, d), as `attend` gives it."""
        return attend(query, key, value, need_weights, bias)

    def forward(self, x: Tensor, mask: Tensor | None, need_weights: bool) -> tuple[Tensor, Tensor | None]:
        """Attend within windows; `mask` (G, n, n) is added to the logits."""
        batch, groups, cells, _ = x.shape
        qkv = self.project(x).reshape(batch * groups, cells, 3, self.num_heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        bias = self.bias().unsqueeze(0)
        if mask is not None:
            bias = (bias + mask.unsqueeze(1)).repeat(batch, 1, 1, 1)
        tokens, weights = self.products(query, key, value, need_weights, bias)
        return self.proj(tokens.reshape(x.shape)), weights


class SwinBlock(nn.Module):
    """Pre-norm block on a map (B, H, W, C); weights (B·G, heads, n, n) on request."""

    attention: Callable[..., nn.Module] = WindowAttention

    def __init__(self, config: SwinConfig, stage: int, drop_path: float) -> None:
        super().__init__()
        dim = config.embed_dim << stage
        self.norm1 = nn.LayerNorm(dim, eps=config.norm_eps)
        self.attn = type(self).attention(config, stage)
        self.norm2 = nn.LayerNorm(dim, eps=config.norm_eps)
        self.mlp = Mlp(dim, int(dim * config.mlp_ratio))
        self.drop_path = DropPath(drop_path)

    def forward(
        self, x: Tensor, windows: ShiftedWindows, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        attended, weights = self.attn(windows.cut(self.norm1(x)), windows.mask(x), need_weights)
        x = x + self.drop_path(windows.join(attended))
        return x + self.drop_path(self.mlp(self.norm2(x))), weights


class PatchEmbedNorm(nn.Module):
    """Image (B, C, H, W) → normed patch tokens (B, gh, gw, D); the image is padded or cropped to a multiple
    of the patch size."""

    def __init__(self, config: SwinConfig) -> None:
        super().__init__()
        self.patch_size, self.pad = config.patch_size, config.pad_patches
        self.proj = nn.Conv2d(config.in_chans, config.embed_dim, config.patch_size, config.patch_size)
        self.norm = nn.LayerNorm(config.embed_dim, eps=config.norm_eps)

    def forward(self, image: Tensor) -> Tensor:
        if self.pad:
            height, width = image.shape[-2:]
            image = F.pad(image, (0, -width % self.patch_size, 0, -height % self.patch_size))
        patches: Tensor = self.norm(self.proj(image).permute(0, 2, 3, 1))
        return patches


class PatchMerging(nn.Module):
    """Map (B, H, W, C) → (B, ⌈H/2⌉, ⌈W/2⌉, 2·C): concatenate 2×2 neighbours, norm, reduce."""

    def __init__(self, config: SwinConfig, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * dim, eps=config.norm_eps)
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        reduced: Tensor = self.reduction(self.norm(self.join(x)))
        return reduced

    @staticmethod
    def join(x: Tensor) -> Tensor:
        """Concatenate 2×2 neighbours, (B, ⌈H/2⌉, ⌈W/2⌉, 4·C), in the published order: down, then right."""
        x = F.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))
        return torch.cat([x[:, dy::2, dx::2] for dx in (0, 1) for dy in (0, 1)], dim=-1)


class Stage(nn.Module):
    """One stage: patch merging (none in the first stage), then the blocks. Swin.forward runs its parts."""

    def __init__(self, downsample: nn.Module, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.downsample = downsample
        self.blocks = nn.ModuleList(blocks)


class Swin(Backbone):
    """Image (B, C, H, W) of any size → TokenFeatures, with maps at strides 4, 8, 16 and 32.

    The last stage's map and the tokens are after the final norm. The class token is the tokens' mean, which
    the published classifiers take.
    """

    block: Callable[..., nn.Module] = SwinBlock
    merging: Callable[..., nn.Module] = PatchMerging

    def __init__(self, config: SwinConfig) -> None:
        super().__init__()
        self.config = config
        stages = range(len(config.depths))
        widths = [config.embed_dim << stage for stage in stages]
        self.in_chans, self.embed_dim, self.num_heads = config.in_chans, widths[-1], config.num_heads[-1]
        self.num_blocks = sum(config.depths)
        self.feature_info = tuple(FeatureInfo(widths[stage], config.patch_size << stage) for stage in stages)
        self.patch_embed = PatchEmbedNorm(config)
        self.layers = nn.ModuleList(
            Stage(
                type(self).merging(config, widths[stage - 1]) if stage else nn.Identity(),
                [type(self).block(config, stage, rate) for rate in rates],
            )
            for stage, rates in enumerate(drop_path_rates(config.drop_path, config.depths))
        )
        self.norm = nn.LayerNorm(widths[-1], eps=config.norm_eps)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2 and "cpb_mlp" not in name:
                nn.init.trunc_normal_(parameter, std=0.02)

    def forward(
        self, image: Tensor, layers: Sequence[int] = (), attention_layers: Sequence[int] = ()
    ) -> TokenFeatures:
        """Encode as `Backbone.forward` does; the layers are the stages."""
        kept = self._intermediates(image, layers, attention_layers)
        x: Tensor = self.patch_embed(image)
        number = 0
        for index, stage in enumerate(self.layers):
            assert isinstance(stage, Stage)
            x = stage.downsample(x)
            for place, block in enumerate(stage.blocks):
                windows = self.config.windows((x.shape[1], x.shape[2]), index, shifted=place % 2 == 1)
                x, weights = self.run_block(block, x, windows, number in kept.blocks)
                if weights is not None:
                    kept.attention[number] = _attention(weights, windows, image.shape[0])
                number += 1
            if index == len(self.layers) - 1:
                x = self.norm(x)
            if index in kept.layers:
                kept.maps[index] = x.permute(0, 3, 1, 2)
        tokens = x.flatten(1, 2)
        return kept.features(tokens[:, :0], tokens, (x.shape[1], x.shape[2]))


def _attention(raw: Tensor, windows: ShiftedWindows, batch: int) -> BlockAttention:
    """The weights (B·G, heads, n, n) of a block, with the mapping between tokens and windows."""

    def group(tokens: Tensor) -> Tensor:
        return windows.cut(tokens.reshape(tokens.shape[0], *windows.size, tokens.shape[-1]))

    def ungroup(values: Tensor) -> Tensor:
        return windows.join(values).flatten(1, 2)

    return BlockAttention(raw, windows.size, 0, partial(split_groups, batch=batch), group, ungroup)
