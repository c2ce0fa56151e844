"""Windows of a map: what attends to what in Swin and ViTDet."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def padded(size: tuple[int, int], window: tuple[int, int]) -> tuple[int, int]:
    """(height, width) enlarged to whole windows."""
    return size[0] + -size[0] % window[0], size[1] + -size[1] % window[1]


def partition(x: Tensor, window: tuple[int, int]) -> Tensor:
    """Map (B, H, W, C) → windows (B, G, wh·ww, C) in raster order, zeros below and to the right of it."""
    batch, height, width, channels = x.shape
    rows, columns = padded((height, width), window)
    x = F.pad(x, (0, 0, 0, columns - width, 0, rows - height))
    x = x.reshape(batch, rows // window[0], window[0], columns // window[1], window[1], channels)
    return x.transpose(2, 3).reshape(batch, -1, window[0] * window[1], channels)


def merge(windows: Tensor, window: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Windows (B, G, wh·ww, C) → the map (B, H, W, C) that `partition` cut, without the padding."""
    batch, channels = windows.shape[0], windows.shape[-1]
    rows, columns = padded(size, window)
    x = windows.reshape(
        batch, rows // window[0], columns // window[1], window[0], window[1], channels
    ).transpose(2, 3)
    return x.reshape(batch, rows, columns, channels)[:, : size[0], : size[1]]
