"""Windows of a map: what attends to what in Swin and ViTDet."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

MASKED = -100.0  # added to a logit that must not count; what the sources add, too


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


@dataclass(frozen=True)
class ShiftedWindows:
    """Windows of a map of `size`, moved by `shift` (Swin, Liu et al. 2021).

    pad_before_shift: where the map is not whole windows, torchvision and Hugging Face pad it and then
    roll; timm rolls and then pads, which puts other cells beside the padding.
    """

    size: tuple[int, int]
    window: tuple[int, int]
    shift: tuple[int, int] = (0, 0)
    pad_before_shift: bool = True

    def cut(self, x: Tensor) -> Tensor:
        """Map (B, H, W, C) → windows (B, G, wh·ww, C)."""
        if any(self.shift):
            if self.pad_before_shift:
                rows, columns = padded(self.size, self.window)
                x = F.pad(x, (0, 0, 0, columns - self.size[1], 0, rows - self.size[0]))
            x = x.roll((-self.shift[0], -self.shift[1]), dims=(1, 2))
        return partition(x, self.window)

    def join(self, windows: Tensor) -> Tensor:
        """Windows (B, G, wh·ww, C) → the map (B, H, W, C)."""
        whole = padded(self.size, self.window) if self.pad_before_shift else self.size
        x = merge(windows, self.window, whole)
        if any(self.shift):
            x = x.roll(self.shift, dims=(1, 2))
        return x[:, : self.size[0], : self.size[1]]

    def mask(self, like: Tensor) -> Tensor | None:
        """What to add to the logits (G, wh·ww, wh·ww), so that cells which rolling made neighbours do not
        attend to each other; None without a shift. Of the type and on the device of `like`."""
        if not any(self.shift):
            return None
        y, x = (
            self._regions(side, window, shift, like)
            for side, window, shift in zip(
                padded(self.size, self.window), self.window, self.shift, strict=True
            )
        )
        regions = partition((y.unsqueeze(1) * 3 + x).reshape(1, len(y), len(x), 1), self.window)[0, ..., 0]
        apart = regions.unsqueeze(1) != regions.unsqueeze(2)
        return apart.to(like.dtype) * MASKED

    @staticmethod
    def _regions(side: int, window: int, shift: int, like: Tensor) -> Tensor:
        """Number of each row's (or column's) region: inner, last window's own, last window's foreign."""
        index = torch.arange(side, device=like.device)
        if shift == 0:
            return torch.zeros_like(index)
        return (index >= side - window).long() + (index >= side - shift).long()
