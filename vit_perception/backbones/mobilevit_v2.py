"""MobileViT V2 (Mehta and Rastegari 2022): MobileViT with attention whose cost is linear in the patches."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from vit_perception.backbones.features import BlockAttention
from vit_perception.backbones.mobilevit import (
    MobileVit,
    MobileVitConfig,
    Run,
    patch_attention,
    whole_patches,
)
from vit_perception.layers.conv import ConvNormAct
from vit_perception.layers.unfold import fold, unfold


@dataclass(frozen=True)
class MobileVitV2Config(MobileVitConfig):
    """Architecture of a MobileViT V2. The other fields are as in MobileVitConfig.

    Attributes:
        stem_dim: channels of the first convolution.
        widths: channels of each of the five stages.
        local_depth: inverted residuals in the second stage.
        dims: channels of the tokens in each of the three transformers.
        num_heads: 1, since separable attention has no heads.
        final_dim: None, since there is no last convolution.
    """

    stem_dim: int = 32
    widths: tuple[int, ...] = (64, 128, 256, 384, 512)
    local_depth: int = 2
    dims: tuple[int, ...] = (128, 192, 256)
    num_heads: int = 1
    final_dim: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_heads != 1:
            raise ValueError(f"num_heads of a MobileViT V2 must be 1, not {self.num_heads}")


def _scaled(width: float) -> MobileVitV2Config:
    standard = MobileVitV2Config()
    return MobileVitV2Config(
        stem_dim=int(standard.stem_dim * width),
        widths=tuple(int(channels * width) for channels in standard.widths),
        dims=tuple(int(channels * width) for channels in standard.dims),
    )


VARIANTS: dict[str, MobileVitV2Config] = {
    f"mobilevitv2_{round(width * 100):03}": _scaled(width) for width in (0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
}


class SeparableAttention(nn.Module):
    """Separable self-attention, (B, C, P, N) → the same shape, for P pixel positions in each of N patches.

    Each patch has one score. The keys, weighted by the scores, are summed to one context vector, which is
    multiplied with every value. Scores (B, 1, P, N) on request.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.qkv_proj = nn.Conv2d(dim, 1 + 2 * dim, 1)
        self.out_proj = nn.Conv2d(dim, dim, 1)

    def forward(self, x: Tensor, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        query, key, value = self.qkv_proj(x).split([1, self.dim, self.dim], dim=1)
        scores: Tensor = query.softmax(dim=-1)
        context = (key * scores).sum(dim=-1, keepdim=True)
        return self.out_proj(F.relu(value) * context), scores if need_weights else None


class ConvMlp(nn.Module):
    """Two 1×1 convolutions with SiLU between them, (B, C, P, N) → the same shape."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(dim, hidden, 1)
        self.act = nn.SiLU()
        self.fc2 = nn.Conv2d(hidden, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.fc2(self.act(self.fc1(x)))
        return hidden


class LinearBlock(nn.Module):
    """Pre-norm block with separable attention, (B, C, P, N) → the same shape."""

    def __init__(self, dim: int, mlp_ratio: float, norm_eps: float) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(1, dim, eps=norm_eps)
        self.attn = SeparableAttention(dim)
        self.norm2 = nn.GroupNorm(1, dim, eps=norm_eps)
        self.mlp = ConvMlp(dim, int(dim * mlp_ratio))

    def forward(self, x: Tensor, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        attended, weights = self.attn(self.norm1(x), need_weights)
        x = x + attended
        return x + self.mlp(self.norm2(x)), weights


def _rows(scores: Tensor) -> Tensor:
    """Scores (B, 1, P, N) → weights (B, 1, P, N, N), the same for every query of a group."""
    return scores.unsqueeze(3).expand(-1, -1, -1, scores.shape[-1], -1)


class MobileVitV2Block(nn.Module):
    """Local convolution and a linear transformer across the patches, (B, C, H, W) → (B, C, H', W').

    H' and W' are H and W rounded up to multiples of the patch size: unlike in MobileViT, the map is not
    resized back.
    """

    def __init__(self, config: MobileVitV2Config, stage: int) -> None:
        super().__init__()
        self.patch_size = config.patch_size
        width, dim = config.widths[2 + stage], config.dims[stage]
        self.conv_kxk = ConvNormAct(width, width, 3, groups=width)
        self.conv_1x1 = nn.Conv2d(width, dim, 1, bias=False)
        self.transformer = nn.ModuleList(
            LinearBlock(dim, config.mlp_ratio, config.norm_eps) for _ in range(config.depths[stage])
        )
        self.norm = nn.GroupNorm(1, dim, eps=config.norm_eps)
        self.conv_proj = ConvNormAct(dim, width, 1, act=False)

    def forward(
        self, x: Tensor, run: Run, blocks: Collection[int]
    ) -> tuple[Tensor, dict[int, BlockAttention]]:
        """Encode a map, as `MobileVitBlock.forward` does."""
        size = (x.shape[-2], x.shape[-1])
        whole = whole_patches(size, self.patch_size)
        if whole != size:
            x = F.interpolate(x, size=whole, mode="bilinear", align_corners=True)
        patches = unfold(self.conv_1x1(self.conv_kxk(x)), self.patch_size).permute(0, 3, 1, 2)
        attention: dict[int, BlockAttention] = {}
        for index, block in enumerate(self.transformer):
            patches, weights = run(block, patches, index in blocks)
            if weights is not None:
                attention[index] = patch_attention(weights, _rows, whole, self.patch_size)
        patches = self.norm(patches).permute(0, 2, 3, 1)
        return self.conv_proj(fold(patches, self.patch_size, whole)), attention


class MobileVitV2(MobileVit):
    """Image (B, C, H, W) of any size → TokenFeatures, as MobileVit.

    From stride 8 on, the sides of maps are multiples of the patch size: an odd side is one cell longer.
    """

    block = MobileVitV2Block
