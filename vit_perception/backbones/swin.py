"""Swin (Liu et al. 2021): attention in windows that shift every other block, over four merging stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.backbones.backbone import Backbone, FeatureInfo
from vit_perception.backbones.features import BlockAttention, TokenFeatures, of_groups
from vit_perception.layers.attention import attend, check_heads
from vit_perception.layers.block import DropPath, Mlp
from vit_perception.layers.windows import ShiftedWindows


@dataclass(frozen=True)
class SwinConfig:
    """Shape of a Swin. depths, num_heads: a number a stage; window_size: cells a side.

    The last three say where the sources differ off their native size. pad_patches: pad an image to whole
    patches (torchvision drops what is left over); pad_before_shift: see `ShiftedWindows`; shift_by_axis:
    a side that one window covers is not shifted, the other may be (Hugging Face then shifts neither).
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
        for name in ("depths", "num_heads"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(self.depths) != len(self.num_heads) or not self.depths:
            raise ValueError(f"depths {self.depths} and num_heads {self.num_heads} differ in stages")
        for name in ("patch_size", "embed_dim", "window_size", "in_chans"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")

    def windows(self, size: tuple[int, int], stage: int, shifted: bool) -> ShiftedWindows:
        """Windows of a block on a map of `size` cells."""
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
    """For each pair of a window's cells, the row of a table of all (2·window - 1)² offsets, (n, n)."""
    y, x = (axis.flatten() for axis in torch.meshgrid(*[torch.arange(window)] * 2, indexing="ij"))
    dy, dx = (axis.unsqueeze(1) - axis.unsqueeze(0) + window - 1 for axis in (y, x))
    return dy * (2 * window - 1) + dx


class WindowAttention(nn.Module):
    """Self-attention in windows (B, G, n, C) → (B, G, n, C), with a learned bias for each offset.

    Weights (B, G, heads, n, n) on request.
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
        """What projects to queries, keys and values, and what the bias is made of."""
        self.relative_position_bias_table = nn.Parameter(
            torch.zeros((2 * config.window_size - 1) ** 2, self.num_heads)
        )
        self.qkv = nn.Linear(dim, dim * 3, bias=config.qkv_bias)

    def project(self, x: Tensor) -> Tensor:
        """Queries, keys and values of x (B, G, n, C), (B, G, n, 3·C)."""
        qkv: Tensor = self.qkv(x)
        return qkv

    def bias(self) -> Tensor:
        """What is added to the logits of every window, (heads, n, n)."""
        return self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)

    def products(
        self, query: Tensor, key: Tensor, value: Tensor, need_weights: bool, bias: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Attention of (B·G, heads, n, d)."""
        return attend(query, key, value, need_weights, bias)

    def forward(self, x: Tensor, mask: Tensor | None, need_weights: bool) -> tuple[Tensor, Tensor | None]:
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
    """Image (B, C, H, W) → normed patches (B, gh, gw, D), of the image padded or cut to whole ones."""

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
    """Map (B, H, W, C) → (B, ⌈H/2⌉, ⌈W/2⌉, 2·C): four neighbours joined, normed and reduced."""

    def __init__(self, config: SwinConfig, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * dim, eps=config.norm_eps)
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        reduced: Tensor = self.reduction(self.norm(self.join(x)))
        return reduced

    @staticmethod
    def join(x: Tensor) -> Tensor:
        """Neighbours side by side, (B, ⌈H/2⌉, ⌈W/2⌉, 4·C), in the papers' order: down, then right."""
        x = F.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))
        return torch.cat([x[:, dy::2, dx::2] for dx in (0, 1) for dy in (0, 1)], dim=-1)


class Stage(nn.Module):
    """Merging (but in the first stage), then the blocks."""

    def __init__(self, downsample: nn.Module, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.downsample = downsample
        self.blocks = nn.ModuleList(blocks)


class Swin(Backbone):
    """Image (B, C, H, W) of any size → TokenFeatures; maps of four stages at strides 4, 8, 16, 32.

    The last stage's map and the tokens are after the final norm; the class token is the tokens' mean,
    which is what Swin's classifiers read.
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
        rates = [config.drop_path * i / max(self.num_blocks - 1, 1) for i in range(self.num_blocks)]
        self.layers = nn.ModuleList(
            Stage(
                type(self).merging(config, widths[stage - 1]) if stage else nn.Identity(),
                [
                    type(self).block(config, stage, rate)
                    for rate in rates[sum(config.depths[:stage]) : sum(config.depths[: stage + 1])]
                ],
            )
            for stage in stages
        )
        self.norm = nn.LayerNorm(widths[-1], eps=config.norm_eps)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2 and "cpb_mlp" not in name:
                nn.init.trunc_normal_(parameter, std=0.02)

    def forward(
        self, image: Tensor, layers: Sequence[int] = (), attention_layers: Sequence[int] = ()
    ) -> TokenFeatures:
        """Encode, as `Backbone.forward`; the layers are the stages."""
        wanted, attended = self._wanted(layers, attention_layers)
        self._check_image(image)
        maps: dict[int, Tensor] = {}
        attention: dict[int, BlockAttention] = {}
        x: Tensor = self.patch_embed(image)
        number = 0
        for index, stage in enumerate(self.layers):
            assert isinstance(stage, Stage)
            x = stage.downsample(x)
            for place, block in enumerate(stage.blocks):
                windows = self.config.windows((x.shape[1], x.shape[2]), index, shifted=place % 2 == 1)
                x, weights = self.run_block(block, x, windows, number in attended)
                if weights is not None:
                    attention[number] = _attention(weights, windows, image.shape[0])
                number += 1
            if index == len(self.layers) - 1:
                x = self.norm(x)
            if index in wanted:
                maps[index] = x.permute(0, 3, 1, 2)
        tokens = x.flatten(1, 2)
        grid = (x.shape[1], x.shape[2])
        return TokenFeatures(tokens.mean(dim=1), tokens[:, :0], tokens, grid, maps, attention)


def _attention(raw: Tensor, windows: ShiftedWindows, batch: int) -> BlockAttention:
    """Weights (B·G, heads, n, n) with the way from tokens to windows and back."""

    def group(tokens: Tensor) -> Tensor:
        return windows.cut(tokens.reshape(tokens.shape[0], *windows.size, tokens.shape[-1]))

    def ungroup(values: Tensor) -> Tensor:
        return windows.join(values).flatten(1, 2)

    return BlockAttention(raw, windows.size, 0, partial(of_groups, batch=batch), group, ungroup)
