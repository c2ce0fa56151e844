"""Operations of transformers' models that no exporter has, replaced by some that every engine has."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from vit_perception.layers.resample import cubic_matrix
from vit_perception.layers.unfold import fold, unfold

# While they are traced, they resize their positions even to the size that these have.
_FILTERED = ("Dinov2WithRegistersEmbeddings", "RfDetrDinov2Embeddings")


def make_exportable(model: nn.Module) -> None:
    """Replace methods of modules in place. A trace then holds only for images of the size of its example."""
    for module in model.modules():
        changed: Any = module
        if type(module).__name__ in _FILTERED:
            changed.interpolate_pos_encoding = partial(_positions, module)
        elif type(module).__name__ == "MobileViTV2Layer":
            changed.unfolding = partial(_unfolding, module)
            changed.folding = partial(_folding, module)
        elif type(module).__name__ == "EfficientNetModel" and isinstance(module.pooler, nn.AvgPool2d):
            # Its window is as wide as there are channels, which reaches beyond every map.
            changed.pooler = nn.AdaptiveAvgPool2d(1)
        elif isinstance(module, nn.AdaptiveAvgPool2d) and module.output_size not in (1, (1, 1)):
            changed.forward = partial(_averages, module)


def _averages(module: nn.AdaptiveAvgPool2d, features: Tensor) -> Tensor:
    """(B, C, H, W) → (B, C, h, w): a matrix for each axis. Exporters only have windows of one size."""
    size: Any = module.output_size
    new = (size, size) if isinstance(size, int) else size
    rows, columns = (
        _windows(int(old), int(side)).to(features) for old, side in zip(features.shape[2:], new, strict=True)
    )
    return rows @ features @ columns.T


def _windows(old: int, new: int) -> Tensor:
    """(new, old): what each of `new` windows takes of each place; they overlap if `old` is no multiple."""
    places = torch.arange(old)
    window = torch.arange(new)[:, None]
    inside = (places >= window * old // new) & (places < -(-(window + 1) * old // new))
    return inside / inside.sum(dim=1, keepdim=True)


def _positions(module: Any, tokens: Tensor, height: int, width: int) -> Tensor:
    """Of the class token and (height, width) pixels: (1, 1 + gh * gw, D)."""
    positions: Tensor = module.position_embeddings
    patch = module.config.patch_size
    grid = int(height) // patch, int(width) // patch
    side = math.isqrt(int(positions.shape[1]) - 1)
    if grid == (side, side):
        return positions
    patches = positions[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    # Not `antialiased_bicubic`: it reads the sizes of a tensor, which are tensors while it is traced.
    rows, columns = (cubic_matrix(side, new, patches) for new in grid)
    resized = rows @ patches @ columns.T
    return torch.cat([positions[:, :1], resized.flatten(2).transpose(1, 2)], dim=1)


def _unfolding(module: Any, features: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """(B, C, H, W) → (B, C, p·p, patches), and the size that `_folding` needs."""
    size = features.shape[2], features.shape[3]
    return unfold(features, module.patch_height).permute(0, 3, 1, 2), size


def _folding(module: Any, patches: Tensor, size: tuple[int, int]) -> Tensor:
    return fold(patches.permute(0, 2, 3, 1), module.patch_height, size)
