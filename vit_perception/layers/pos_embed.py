"""Learned position embedding, resampled to the grid at hand."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def interpolate_pos_embed(pos_embed: Tensor, source: tuple[int, int], target: tuple[int, int]) -> Tensor:
    """Resample patch positions (1, source_h·source_w, D) → (1, target_h·target_w, D), bicubic.

    At the same grid the bicubic weights are exactly one and zeros, so the embedding comes back
    bit for bit and needs no special case (which an exported graph could not take anyway).

    Raises:
        ValueError: the embedding does not have source_h·source_w rows.
    """
    if pos_embed.shape[1] != source[0] * source[1]:
        raise ValueError(f"position embedding has {pos_embed.shape[1]} rows, not {source[0]}x{source[1]}")
    grid = pos_embed.transpose(1, 2).unflatten(-1, source)
    # Floats keep bfloat16 training exact here; the cast costs nothing on so small a tensor.
    resampled = F.interpolate(grid.float(), size=target, mode="bicubic", align_corners=False)
    return resampled.to(pos_embed.dtype).flatten(2).transpose(1, 2)
