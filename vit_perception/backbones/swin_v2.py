"""Swin V2 (Liu et al. 2022): Swin with cosine attention, a continuous position bias and post-norm."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.backbones.swin import PatchMerging, Swin, SwinBlock, SwinConfig, WindowAttention
from vit_perception.layers.attention import attend
from vit_perception.layers.checks import set_counts
from vit_perception.layers.windows import ShiftedWindows

LARGEST_SCALE = 100.0  # of the cosines in the logits
LARGEST_BIAS = 16.0  # of a logit
CPB_WIDTH = 512  # hidden channels of the network that computes the bias


@dataclass(frozen=True)
class SwinV2Config(SwinConfig):
    """Architecture of a Swin V2. The other fields are as in SwinConfig.

    Attributes:
        window_size: side of a window in cells.
        pretrained_window_sizes: for each stage, the side of the window that offsets are relative to, in
            cells; 0 for `window_size`.
        native_grid: rows and columns of patches by which to decide which stages shift their windows, as
            Hugging Face does with its configured image size; None decides by the image at hand.
    """

    window_size: int = 8
    pretrained_window_sizes: tuple[int, ...] = (0, 0, 0, 0)
    native_grid: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        set_counts(self, "pretrained_window_sizes", least=0)
        if self.native_grid is not None:
            set_counts(self, "native_grid", 2)
        if len(self.pretrained_window_sizes) < len(self.depths):
            raise ValueError(
                f"pretrained_window_sizes {self.pretrained_window_sizes} are not one a stage: "
                f"there are {len(self.depths)}"
            )

    def windows(self, size: tuple[int, int], stage: int, shifted: bool) -> ShiftedWindows:
        if self.native_grid is None:
            return super().windows(size, stage, shifted)
        native = [side >> stage for side in self.native_grid]
        window = self.window_size
        shift = [window // 2 if shifted and side > window else 0 for side in native]
        return ShiftedWindows(size, (window, window), (shift[0], shift[1]), self.pad_before_shift)


VARIANTS: dict[str, SwinV2Config] = {
    "swin_v2_tiny_patch4_window8": SwinV2Config(),
    "swin_v2_small_patch4_window8": SwinV2Config(depths=(2, 2, 18, 2)),
    "swin_v2_base_patch4_window8": SwinV2Config(
        embed_dim=128, depths=(2, 2, 18, 2), num_heads=(4, 8, 16, 32)
    ),
}


def log_offsets(window: int, relative_to: int) -> Tensor:
    """Log-spaced offsets between the cells of a window (eq. 4 of the paper), ((2·window - 1)², 2) as y, x.

    Args:
        window: side of the window in cells.
        relative_to: side of the window whose offsets span -1 to 1 before the logarithm.
    """
    steps = torch.arange(1 - window, window, dtype=torch.float32) * 8 / max(relative_to - 1, 1)
    logarithmic = steps.sign() * (steps.abs() + 1.0).log2() / 3.0
    return torch.stack(torch.meshgrid(logarithmic, logarithmic, indexing="ij"), dim=-1).flatten(0, 1)


class CosineWindowAttention(WindowAttention):
    """Window attention by scaled cosines, with a bias that a small network computes from the offset."""

    relative_coords_table: Tensor

    def make_parameters(self, config: SwinConfig, stage: int, dim: int) -> None:
        assert isinstance(config, SwinV2Config)
        self.qkv = nn.Linear(dim, dim * 3, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(dim)) if config.qkv_bias else None  # keys have none
        self.v_bias = nn.Parameter(torch.zeros(dim)) if config.qkv_bias else None
        self.logit_scale = nn.Parameter(torch.full((self.num_heads, 1, 1), math.log(10.0)))
        self.cpb_mlp = nn.Sequential(
            nn.Linear(2, CPB_WIDTH), nn.ReLU(), nn.Linear(CPB_WIDTH, self.num_heads, bias=False)
        )
        relative_to = config.pretrained_window_sizes[stage] or config.window_size
        self.register_buffer(
            "relative_coords_table", log_offsets(config.window_size, relative_to), persistent=False
        )

    def project(self, x: Tensor) -> Tensor:
        if self.q_bias is None or self.v_bias is None:
            return super().project(x)
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        return F.linear(x, self.qkv.weight, bias)

    def bias(self) -> Tensor:
        table: Tensor = self.cpb_mlp(self.relative_coords_table)
        return LARGEST_BIAS * table[self.relative_position_index].permute(2, 0, 1).sigmoid()

    def products(
        self, query: Tensor, key: Tensor, value: Tensor, need_weights: bool, bias: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        scale = self.logit_scale.clamp(max=math.log(LARGEST_SCALE)).exp()
        query, key = F.normalize(query, dim=-1) * scale, F.normalize(key, dim=-1)
        return attend(query, key, value, need_weights, bias, scale=1.0)


class SwinV2Block(SwinBlock):
    """Block that norms the output of each branch instead of its input, on a map (B, H, W, C)."""

    attention = CosineWindowAttention

    def forward(
        self, x: Tensor, windows: ShiftedWindows, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        attended, weights = self.attn(windows.cut(x), windows.mask(x), need_weights)
        x = x + self.drop_path(self.norm1(windows.join(attended)))
        return x + self.drop_path(self.norm2(self.mlp(x))), weights


class PatchMergingV2(PatchMerging):
    """Map (B, H, W, C) → (B, ⌈H/2⌉, ⌈W/2⌉, 2·C): concatenate 2×2 neighbours, reduce, norm."""

    def __init__(self, config: SwinV2Config, dim: int) -> None:
        super().__init__(config, dim)
        self.norm = nn.LayerNorm(2 * dim, eps=config.norm_eps)

    def forward(self, x: Tensor) -> Tensor:
        merged: Tensor = self.norm(self.reduction(self.join(x)))
        return merged


class SwinV2(Swin):
    """Image (B, C, H, W) of any size → TokenFeatures, as Swin."""

    block = SwinV2Block
    merging = PatchMergingV2
