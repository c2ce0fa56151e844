"""Which models of transformers have attention on one regular grid, and that attention as a raw output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from vit_perception.hub.families.attention import rollout_row
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


def gives_attention(checkpoint: Checkpoint) -> bool:
    """Whether its blocks' attention lies on one regular grid."""
    return checkpoint.config.model_type in _PLAIN


def class_attention(attentions: Sequence[Tensor], image: Tensor, config: Any) -> Tensor:
    """`rollout_row` of a model of transformers, (L x (B, heads, N, N)) → (B, 1, gh, gw)."""
    grid = image.shape[2] // patch_size(config), image.shape[3] // patch_size(config)
    pooled = config.model_type in _POOLED or bool(getattr(config, "use_mean_pooling", False))
    return rollout_row(attentions, grid, pooled)


def patch_size(config: Any) -> int:
    """Of a configuration, or its part for images, that has one number for it, or two that are alike."""
    value = getattr(config, "vision_config", config).patch_size
    return int(value if isinstance(value, int) else value[0])
