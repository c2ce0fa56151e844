"""Windows of a map, within which the tokens of Swin and ViTDet attend to each other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

MASKED = -100.0  # added to masked logits, as in the published code


def padded(size: tuple[int, int], window: tuple[int, int]) -> tuple[int, int]:
    """(height, width), each rounded up to a multiple of the window's side."""
    return size[0] + -size[0] % window[0], size[1] + -size[1] % window[1]


def partition(x: Tensor, window: tuple[int, int]) -> Tensor:
    """Map (B, H, W, C) → windows (B, G, wh·ww, C) in raster order, padded with zeros below and right."""
    batch, height, width, channels = x.shape
    rows, columns = padded((height, width), window)
    x = F.pad(x, (0, 0, 0, columns - width, 0, rows - height))
    x = x.reshape(batch, rows // window[0], window[0], columns // window[1], window[1], channels)
    return x.transpose(2, 3).reshape(batch, -1, window[0] * window[1], channels)


def merge(windows: Tensor, window: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """The inverse of `partition`: windows (B, G, wh·ww, C) → map (B, H, W, C), without the padding."""
    batch, channels = windows.shape[0], windows.shape[-1]
    rows, columns = padded(size, window)
    x = windows.reshape(
        batch, rows // window[0], columns // window[1], window[0], window[1], channels
    ).transpose(2, 3)
    return x.reshape(batch, rows, columns, channels)[:, : size[0], : size[1]]


@dataclass(frozen=True)
class ShiftedWindows:
    """The shifted windows of one Swin block (Liu et al. 2021).

    Attributes:
        size: (H, W) of the map in cells.
        window: (wh, ww) of a window in cells.
        shift: rows and columns that the windows are shifted by, 0 for none.
        pad_before_shift: where the map does not divide into whole windows, pad it before the shift, as
            torchvision and Hugging Face do; timm shifts first, and other cells are then beside the padding.
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
        """Mask (G, wh·ww, wh·ww) to add to the logits: cells that only the cyclic shift made neighbours must
        not attend to each other. None without a shift. Has the data type and device of `like`."""
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
        """Region of each row (or column): 0 before the last window, 1 in its own part, 2 in the part that
        the shift brought there from the other side."""
        index = torch.arange(side, device=like.device)
        if shift == 0:
            return torch.zeros_like(index)
        return (index >= side - window).long() + (index >= side - shift).long()
