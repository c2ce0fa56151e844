"""Antialiased bicubic resampling as one matrix product for each axis.

`F.interpolate(mode="bicubic", antialias=True)` is exported as an operator that not every engine computes:
OpenVINO 2026.4 silently leaves out the antialiasing. A matrix product is the same everywhere.
"""

from __future__ import annotations

import torch
from torch import Tensor


def _cubic(x: Tensor) -> Tensor:
    """The cubic convolution kernel (Keys 1981) with a = -0.5, as in torch's and Pillow's antialiasing."""
    x = x.abs()
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return torch.where(x < 1.0, near, torch.where(x < 2.0, far, torch.zeros_like(x)))


def cubic_matrix(source: int, target: int, like: Tensor) -> Tensor:
    """Weights (target, source) that resample one axis; each row sums to one.

    Args:
        source: cells along the axis before.
        target: cells along the axis after.
        like: a tensor of the data type and on the device of the result.
    """
    scale = source / target
    centre = (torch.arange(target, device=like.device, dtype=like.dtype) + 0.5) * scale
    cells = torch.arange(source, device=like.device, dtype=like.dtype) + 0.5
    # Where the axis shrinks, the kernel gets wider, which is the low-pass filter. (`max` is not exported.)
    width = torch.sym_max(scale, 1.0)  # type: ignore[no-untyped-call]
    weights = _cubic((cells - centre.unsqueeze(1)) / width)
    return weights / weights.sum(dim=1, keepdim=True)


def antialiased_bicubic(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Map (B, C, h, w) → (B, C, *size), the same as torch's antialiased bicubic interpolation."""
    rows = cubic_matrix(x.shape[-2], size[0], x)
    columns = cubic_matrix(x.shape[-1], size[1], x)
    return rows @ x @ columns.T
