"""MobileViT's view of a map: pixels grouped by their position within the patch, across all patches."""

from __future__ import annotations

from torch import Tensor


def unfold(x: Tensor, patch_size: int) -> Tensor:
    """Map (B, C, H, W) → (B, p·p, patches, C): positions and patches in raster order.

    A plain `reshape` of the raster to (patches, p·p) would instead group pixels of the same row, whatever
    their patch.

    Raises:
        ValueError: H or W is not divisible by the patch size.
    """
    batch, channels, height, width = x.shape
    if height % patch_size or width % patch_size:
        raise ValueError(f"map {height}x{width} is not divisible by the patch size {patch_size}: resize it")
    rows, columns = height // patch_size, width // patch_size
    x = x.reshape(batch, channels, rows, patch_size, columns, patch_size)
    return x.permute(0, 3, 5, 2, 4, 1).reshape(batch, patch_size * patch_size, rows * columns, channels)


def fold(patches: Tensor, patch_size: int, size: tuple[int, int]) -> Tensor:
    """The inverse of `unfold`: (B, p·p, patches, C) → map (B, C, H, W) with `size` = (H, W)."""
    batch, channels = patches.shape[0], patches.shape[-1]
    rows, columns = size[0] // patch_size, size[1] // patch_size
    x = patches.reshape(batch, patch_size, patch_size, rows, columns, channels)
    return x.permute(0, 5, 3, 1, 4, 2).reshape(batch, channels, *size)
