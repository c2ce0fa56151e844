"""Learned position embeddings, resampled to other grids as their sources do."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from vit_perception.layers.checks import check_flags, check_numbers
from vit_perception.layers.resample import antialiased_bicubic

MODES = ("bicubic", "bilinear")


@dataclass(frozen=True)
class PosInterpolation:
    """How a checkpoint's source resamples its position embedding to a grid other than its own.

    Attributes:
        mode: `bicubic` or `bilinear`.
        antialias: apply a low-pass filter where the grid shrinks, as timm does.
        align_corners: align the corner cells of both grids, as torchvision's `interpolate_embeddings` does.
        offset: resize by the factor (target + offset) / source, as FAIR's DINOv2 without registers does
            with 0.1 cells, between 0 and 1; None resizes to the target exactly.
    """

    mode: str = "bicubic"
    antialias: bool = False
    align_corners: bool = False
    offset: float | None = None

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode {self.mode!r} is not one of {', '.join(MODES)}")
        check_flags(self, "antialias", "align_corners")
        if self.offset is not None:
            check_numbers(self, "offset", high=1.0)
        if self.offset is not None and self.align_corners:
            raise ValueError("offset and align_corners exclude each other: no source has both")


DEFAULT_INTERPOLATION = PosInterpolation()


def interpolate_pos_embed(
    pos_embed: Tensor,
    source: tuple[int, int],
    target: tuple[int, int],
    how: PosInterpolation = DEFAULT_INTERPOLATION,
) -> Tensor:
    """Resample the positions of patches.

    If both grids are the same, the positions come back bit for bit, without a special case in an exported
    graph. Only an offset needs one: its factor is never one.

    Args:
        pos_embed: (1, source_h·source_w, D), in raster order.
        source: (rows, columns) of the grid that it was learned on.
        target: (rows, columns) of the grid that is needed.
        how: the source's way of resampling.

    Returns:
        (1, target_h·target_w, D).

    Raises:
        ValueError: the embedding does not have source_h·source_w rows.
    """
    if pos_embed.shape[1] != source[0] * source[1]:
        raise ValueError(f"position embedding has {pos_embed.shape[1]} rows, not {source[0]}x{source[1]}")
    # In float32, so that training in bfloat16 loses no precision here. The tensor is small.
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
