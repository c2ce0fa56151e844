"""From the attention weights that a library's model gives to the raw output `attention`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from vit_perception.hub.families.hugging_face.checkpoint import Checkpoint

# Of plain transformers, whose tokens are the patches of a regular grid after some that are none. Windows,
# pooled keys and convolutions have no such grid.
_PLAIN = (
    "vit",
    "deit",
    "beit",
    "data2vec-vision",
    "dinov2",
    "dinov2_with_registers",
    "vit_msn",
    "ijepa",
    "clip",
    "siglip",
)
# Of these, those that are read by the mean of their patches though they may have a class token.
_POOLED = ("ijepa", "clip", "siglip")
# What the blocks before it mix is left out: early ones attend to everything, and large models keep patches
# without content as scratch space (Darcet et al. 2024), which swallow the product.
START = 0.5
# No patch is read more than this times the mean one, for the same reason.
_CLIP = 4.0


def gives_attention(checkpoint: Checkpoint) -> bool:
    """Whether its blocks' attention lies on one regular grid."""
    return checkpoint.config.model_type in _PLAIN


def class_attention(attentions: Sequence[Tensor], image: Tensor, config: Any) -> Tensor:
    """`rollout` of a model of transformers, (L x (B, heads, N, N)) → (B, 1, gh, gw)."""
    grid = image.shape[2] // patch_size(config), image.shape[3] // patch_size(config)
    pooled = config.model_type in _POOLED or bool(getattr(config, "use_mean_pooling", False))
    return rollout(attentions, grid, pooled)


def rollout(
    attentions: Sequence[Tensor], grid: tuple[int, int], pooled: bool, start: float = START
) -> Tensor:
    """Attention rollout (Abnar and Zuidema 2020): (L x (B, heads, N, N)) → (B, 1, gh, gw).

    Of the class token, or of the mean patch where the model is read by it (`pooled`) or has no
    other token. One row, carried backwards through the blocks: a vector for each image instead of a matrix.
    start: share of the blocks, the first ones, that is left out.
    """
    prefix = attentions[0].shape[-1] - grid[0] * grid[1]
    last = attentions[-1].mean(dim=1)
    row = last[:, prefix:].mean(dim=1, keepdim=True) if pooled or not prefix else last[:, :1]
    for weights in reversed(attentions[int(start * len(attentions)) : -1]):
        weights = weights.mean(dim=1)
        patches = weights[:, :, prefix:]
        patches = torch.minimum(patches, _CLIP * patches.mean(dim=-1, keepdim=True))
        weights = torch.cat([weights[:, :, :prefix], patches], dim=-1)
        weights = weights / weights.sum(dim=-1, keepdim=True)
        row = 0.5 * row + 0.5 * row @ weights
    return row[:, :, prefix:].reshape(row.shape[0], 1, *grid)


def patch_size(config: Any) -> int:
    """Of a configuration, or its part for images, that has one number for it, or two that are alike."""
    value = getattr(config, "vision_config", config).patch_size
    return int(value if isinstance(value, int) else value[0])
