"""Fixed sine and cosine positions (Vaswani et al. 2017), in two dimensions as in MAE (He et al. 2022)."""

from __future__ import annotations

import torch
from torch import Tensor


def sincos_positions(grid: tuple[int, int], dim: int, device: torch.device | None = None) -> Tensor:
    """Position embeddings of the cells of a grid.

    Args:
        grid: (gh, gw).
        dim: channels; the first half encodes x, the second y, each first by sines, then by cosines.
        device: of the result; None for torch's default.

    Returns:
        (1, gh·gw, dim) float32, in raster order.

    Raises:
        ValueError: dim is not divisible by four.
    """
    if dim % 4:
        raise ValueError(f"sine and cosine positions need a width divisible by 4, not {dim}")
    # In double precision, since angles reach hundreds of radians.
    frequency = 10000.0 ** -(torch.arange(dim // 4, dtype=torch.float64, device=device) / (dim // 4))
    y, x = torch.meshgrid(
        *(torch.arange(size, dtype=torch.float64, device=device) for size in grid), indexing="ij"
    )
    angles = [axis.reshape(-1, 1) * frequency for axis in (x, y)]
    parts = [function(angle) for angle in angles for function in (torch.sin, torch.cos)]
    return torch.cat(parts, dim=1).float().unsqueeze(0)
