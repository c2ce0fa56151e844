"""Backbones whose trace would hold for one image size alone, said without a question to the size."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F


def make_resizable(model: nn.Module) -> None:
    """Replace single methods of single modules: what pads where it must, and cuts where it has padded, always
    does, if only by nothing."""
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
    """(B, H, W, C) → the same of even sides."""
    return F.pad(features, (0, 0, 0, width % 2, 0, height % 2))


def _to_windows(layer: Any, features: Tensor, height: int, width: int) -> tuple[Tensor, tuple[int, ...]]:
    """(B, H, W, C) → the same of whole windows; and a padding that makes the layer cut it off again."""
    by = layer.window_size
    padded = F.pad(features, (0, 0, 0, (by - width % by) % by, 0, (by - height % by) % by))
    return padded, (0, 0, 0, 1, 0, 1)
