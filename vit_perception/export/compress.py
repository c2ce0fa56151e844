"""Make a plain or hybrid ViT smaller: fewer attention heads, narrower MLPs, the rest fitted anew, no labels.

The inputs of a block's output layer are measured on frames of the camera. Those are removed whose loss
changes the layer's output least once the others make up for them (Optimal Brain Surgeon, Hassibi & Stork
1993, for whole groups at once): least squares, in closed form. Every block keeps as many, so that the result
is an ordinary architecture: `num_heads`, `head_dim`, `mlp_ratio`.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vit_perception.backbones.vit import VisionTransformer
from vit_perception.cards.card import Card
from vit_perception.layers.attention import Attention
from vit_perception.layers.block import Block, Mlp
from vit_perception.model import PerceptionModel, build_model
from vit_perception.runtime.preprocess import normalised, preprocess

# Of the mean variance: keeps the fit sane where inputs are nearly dependent.
_RIDGE = 1e-4


@dataclasses.dataclass(frozen=True)
class Moments:
    """Mean (D,) and covariance (D, D) of the inputs of a linear layer, in float64."""

    mean: Tensor
    covariance: Tensor


def compress(
    card: Card,
    model: PerceptionModel,
    frames: Sequence[np.ndarray],
    num_heads: int | None = None,
    mlp_ratio: float | None = None,
    report: Callable[[str], None] = print,
) -> tuple[PerceptionModel, Mapping[str, Any]]:
    """The smaller model and the `architecture` for its card.

    Args:
        card: of the model.
        model: on the CPU; stays as it is.
        frames: RGB pictures (H, W, 3) uint8.
        num_heads: attention heads to keep in each block; None for all.
        mlp_ratio: width of the MLPs, in widths of the tokens; None for that of the model.
        report: called with a line for each layer.

    Raises:
        ValueError: the model is no such ViT, there are no frames, or it is not that wide.
    """
    backbone = model.backbone
    if not isinstance(backbone, VisionTransformer):
        raise ValueError(f"model {card.name} is no plain or hybrid ViT: only those can be compressed")
    if not frames:
        raise ValueError("there are no frames to measure on: name a folder with pictures")
    config = backbone.config
    heads = config.num_heads if num_heads is None else num_heads
    ratio = config.mlp_ratio if mlp_ratio is None else mlp_ratio
    if not 1 <= heads <= config.num_heads:
        raise ValueError(f"heads is {heads}: the model has {config.num_heads}, so give from 1 to that")
    hidden = int(config.embed_dim * ratio)
    if not 1 <= hidden <= int(config.embed_dim * config.mlp_ratio):
        raise ValueError(f"mlp-ratio is {ratio:g}: give more than 0 and at most {config.mlp_ratio:g}")
    images = [torch.from_numpy(normalised(preprocess(frame, card, "rgb")[0], card)) for frame in frames]
    smaller = copy.deepcopy(model)
    # Front to back, each layer measured on what those before it give now.
    for index, block in enumerate(smaller.backbone.blocks):  # type: ignore[arg-type]
        if heads < config.num_heads:
            lost = _prune_heads(block, heads, _moments(smaller, block.attn.proj, images))
            report(f"block {index}: attention loses {lost:.1%} of its output's variance")
        if hidden < block.mlp.fc1.out_features:
            lost = _prune_mlp(block, hidden, _moments(smaller, block.mlp.fc2, images))
            report(f"block {index}: MLP loses {lost:.1%} of its output's variance")
    head_dim = config.head_dim or config.embed_dim // config.num_heads
    changed = {"num_heads": heads, "head_dim": head_dim, "mlp_ratio": ratio}
    architecture = {**card.architecture, "backbone": {**card.architecture["backbone"], **changed}}
    built = build_model(architecture)
    built.load_state_dict(smaller.state_dict())
    return built.eval(), architecture


def _prune_heads(block: Block, count: int, moments: Moments) -> float:
    attention: Attention = block.attn
    channels = attention.proj.in_features // attention.num_heads
    kept, lost = _refit(attention.proj, moments, channels, count)
    rows = torch.cat([kept + part * len(moments.mean) for part in range(3)])
    attention.qkv = _rows(attention.qkv, rows)
    attention.num_heads = count
    return lost


def _prune_mlp(block: Block, hidden: int, moments: Moments) -> float:
    mlp: Mlp = block.mlp
    kept, lost = _refit(mlp.fc2, moments, 1, hidden)
    mlp.fc1 = _rows(mlp.fc1, kept)
    return lost


@torch.no_grad()
def _refit(layer: nn.Linear, moments: Moments, channels: int, count: int) -> tuple[Tensor, float]:
    """Keep `count` groups of `channels` inputs of `layer`, in place.

    Returns:
        The inputs kept, and the share of the output's variance that is lost.
    """
    covariance, mean = moments.covariance, moments.mean
    size = len(mean)
    covariance = covariance + _RIDGE * covariance.diagonal().mean() * torch.eye(size, dtype=torch.float64)
    weight = layer.weight.double()
    inverse = torch.linalg.inv(covariance).unflatten(0, (-1, channels)).unflatten(2, (-1, channels))
    own = torch.stack([inverse[group, :, group] for group in range(size // channels)])
    groups = weight.T.unflatten(0, (-1, channels))
    cost = (groups * torch.linalg.solve(own, groups)).sum(dim=(1, 2))
    chosen = cost.topk(count).indices.sort().values
    kept = (chosen[:, None] * channels + torch.arange(channels)).flatten()
    among = covariance[kept]
    fitted = torch.linalg.solve(among[:, kept], among @ weight.T).T
    change = torch.zeros_like(weight)
    change[:, kept] = fitted
    change -= weight
    lost = ((change @ covariance) * change).sum() / ((weight @ covariance) * weight).sum()
    layer.bias.sub_((change @ mean).to(layer.bias.dtype))
    layer.weight = nn.Parameter(fitted.to(layer.weight.dtype))
    layer.in_features = len(kept)
    return kept, float(lost)


def _rows(layer: nn.Linear, rows: Tensor) -> nn.Linear:
    """A layer that gives these outputs of `layer` only."""
    smaller = nn.Linear(layer.in_features, len(rows), bias=layer.bias is not None)
    smaller.weight = nn.Parameter(layer.weight.detach()[rows].clone())
    if layer.bias is not None:
        smaller.bias = nn.Parameter(layer.bias.detach()[rows].clone())
    return smaller


@torch.no_grad()
def _moments(model: PerceptionModel, layer: nn.Linear, images: Sequence[Tensor]) -> Moments:
    """Of everything that `layer` reads while the model looks at `images`."""
    total = torch.zeros(layer.in_features, dtype=torch.float64)
    products = torch.zeros(layer.in_features, layer.in_features, dtype=torch.float64)
    rows = 0

    def note(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nonlocal rows
        x = inputs[0].flatten(0, -2)
        total.add_(x.sum(dim=0).double())
        products.add_((x.T @ x).double())
        rows += len(x)

    handle = layer.register_forward_pre_hook(note)
    try:
        for image in images:
            model.backbone(image)
    finally:
        handle.remove()
    mean = total / rows
    return Moments(mean, products / rows - mean.outer(mean))
