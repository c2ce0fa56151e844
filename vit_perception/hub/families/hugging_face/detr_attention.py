"""What detectors look at, as the raw output `attention`: the patches that queries read in the last layer."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

_YOLOS = "YolosForObjectDetection"
# Whose queries read a regular grid, and the module where they do so last. Deformable attention reads points
# between the patches.
_READERS = {
    _YOLOS: "vit.encoder.layer.{last}",
    "DetrForObjectDetection": "model.decoder",
    "TableTransformerForObjectDetection": "model.decoder",
    "ConditionalDetrForObjectDetection": "model.decoder",
    "DabDetrForObjectDetection": "model.decoder",
}


def gives_attention(class_name: str) -> bool:
    """Whether a class of transformers reads a regular grid."""
    return class_name in _READERS


def compute_weights(model: Any) -> None:
    """Let the last layers compute their weights, which fused attention does not; others stay as they are."""
    path = _READERS[type(model).__name__].format(last=model.config.num_hidden_layers - 1)
    # One set of settings for all, as the decoder makes the masks that its layers read.
    settings = copy.deepcopy(model.config)
    settings._attn_implementation = "eager"
    for module in model.get_submodule(path).modules():
        if hasattr(module, "config"):
            module.config = settings


@contextmanager
def grid_seen(model: Any) -> Iterator[list[Tensor]]:
    """While the model runs: a list that gets the feature map which the queries read, (B, D, gh, gw)."""
    found: list[Tensor] = []
    yolos = type(model).__name__ == _YOLOS
    source = model.vit.embeddings.patch_embeddings.projection if yolos else model.model.input_projection
    hook = source.register_forward_hook(lambda module, inputs, output: found.append(output))
    try:
        yield found
    finally:
        hook.remove()


def attention_of(answer: Any, grid: Tensor, scores: Tensor) -> Tensor:
    """Where the queries look, each counted by its score.

    Args:
        answer: the library's, with its weights. grid: see `grid_seen`. scores: (B, Q).

    Returns:
        (B, heads, gh, gw).
    """
    if "cross_attentions" in answer:
        weights = answer.cross_attentions[-1]
    else:  # of YOLOS, whose queries are the last tokens, behind a class token and the patches
        count = scores.shape[1]
        weights = answer.attentions[-1][:, :, -count:, 1:-count]
    weighted = (weights * scores[:, None, :, None]).sum(dim=2) / scores.sum(dim=1)[:, None, None]
    return weighted.unflatten(2, grid.shape[2:])
