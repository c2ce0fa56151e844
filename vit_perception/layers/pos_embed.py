"""Learned position embedding, resampled to the grid at hand as its source does it."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from vit_perception.layers.resample import antialiased_bicubic

MODES = ("bicubic", "bilinear")


@dataclass(frozen=True)
class PosInterpolation:
    """How a checkpoint's source resamples positions, which decides how it behaves off its native grid.

    offset: FAIR's DINOv2 without registers resizes by the factor (target + offset) / source, 0.1 to be
    safe from rounding; None resizes to the target exactly. antialias: low-pass when the grid
    shrinks, as timm does. align_corners: torchvision's `interpolate_embeddings`.
    """

    mode: str = "bicubic"
    antialias: bool = False
    align_corners: bool = False
    offset: float | None = None

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode {self.mode!r} is not one of {', '.join(MODES)}")
        if self.offset is not None and self.align_corners:
            raise ValueError("offset and align_corners exclude each other: no source has both")


DEFAULT_INTERPOLATION = PosInterpolation()


def interpolate_pos_embed(
    pos_embed: Tensor,
    source: tuple[int, int],
    target: tuple[int, int],
    how: PosInterpolation = DEFAULT_INTERPOLATION,
) -> Tensor:
    """Resample patch positions (1, source_h·source_w, D) → (1, target_h·target_w, D).

    At the same grid every interpolation gives the embedding back bit for bit, so an exported graph
    needs no special case; only an offset does, whose factor is then not one.

    Raises:
        ValueError: the embedding does not have source_h·source_w rows.
    """
    if pos_embed.shape[1] != source[0] * source[1]:
        raise ValueError(f"position embedding has {pos_embed.shape[1]} rows, not {source[0]}x{source[1]}")
    # Floats keep bfloat16 training exact here; the cast costs nothing on so small a tensor.
    grid = pos_embed.transpose(1, 2).reshape(1, -1, *source).float()
    if how.offset is None and how.antialias and how.mode == "bicubic":
        grid = antialiased_bicubic(grid, target)
    elif how.offset is None:
        grid = F.interpolate(
            grid, size=target, mode=how.mode, antialias=how.antialias, align_corners=how.align_corners
        )
    elif source != target:
        factors = [(t + how.offset) / s for t, s in zip(target, source, strict=True)]
        grid = F.interpolate(grid, scale_factor=factors, mode=how.mode, antialias=how.antialias)
    return grid.to(pos_embed.dtype).flatten(2).transpose(1, 2)
