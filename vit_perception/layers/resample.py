"""Bicubic resampling that filters as it shrinks, as one matrix an axis.

`F.interpolate(mode="bicubic", antialias=True)` becomes an operator that not every engine computes:
OpenVINO 2026.4 leaves the filter out and says nothing. A product of matrices is the same everywhere.
"""

from __future__ import annotations

import torch
from torch import Tensor


def _cubic(x: Tensor) -> Tensor:
    """Keys' kernel with a = -0.5, as torch and Pillow have it where they filter."""
    x = x.abs()
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return torch.where(x < 1.0, near, torch.where(x < 2.0, far, torch.zeros_like(x)))


def cubic_matrix(source: int, target: int, like: Tensor) -> Tensor:
    """(target, source) weights of an axis, rows that sum to one, of the type and on the device of `like`."""
    scale = source / target
    centre = (torch.arange(target, device=like.device, dtype=like.dtype) + 0.5) * scale
    cells = torch.arange(source, device=like.device, dtype=like.dtype) + 0.5
    # Wider than one cell where the axis shrinks: that is the filter. (An exported graph has no `max`.)
    width = torch.sym_max(scale, 1.0)  # type: ignore[no-untyped-call]
    weights = _cubic((cells - centre.unsqueeze(1)) / width)
    return weights / weights.sum(dim=1, keepdim=True)


def antialiased_bicubic(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Map (B, C, h, w) → (B, C, *size), equal to torch's antialiased bicubic interpolation."""
    rows = cubic_matrix(x.shape[-2], size[0], x)
    columns = cubic_matrix(x.shape[-1], size[1], x)
    return rows @ x @ columns.T
