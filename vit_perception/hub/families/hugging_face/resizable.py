"""Swin backbones whose padding does not depend on the size, so that a trace holds for images of any size."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F


def make_resizable(model: nn.Module) -> None:
    """Replace the methods that pad only where it is needed by some that always pad, by zero if need be.

    The library's ask for the size first, and a trace keeps the answer for its example.
    """
    for module in model.modules():
        changed: Any = module
        name = type(module).__name__.removeprefix("MaskFormer")
        if name == "SwinPatchEmbeddings":
            changed.maybe_pad = partial(_to_patches, changed.patch_size)
        elif name == "SwinPatchMerging":
            changed.maybe_pad = _to_even
        elif name == "SwinLayer":
            changed.maybe_pad = partial(_to_windows, changed)


def _to_patches(patch: tuple[int, int], image: Tensor, height: int, width: int) -> Tensor:
    return F.pad(
        image, (0, (patch[1] - width % patch[1]) % patch[1], 0, (patch[0] - height % patch[0]) % patch[0])
    )


def _to_even(features: Tensor, height: int, width: int) -> Tensor:
    """(B, H, W, C) → the same with even height and width."""
    return F.pad(features, (0, 0, 0, width % 2, 0, height % 2))


def _to_windows(layer: Any, features: Tensor, height: int, width: int) -> tuple[Tensor, tuple[int, ...]]:
    """(B, H, W, C) → the same in whole windows; and a padding, not zero, that makes the layer crop again."""
    by = layer.window_size
    padded = F.pad(features, (0, 0, 0, (by - width % by) % by, 0, (by - height % by) % by))
    return padded, (0, 0, 0, 1, 0, 1)
