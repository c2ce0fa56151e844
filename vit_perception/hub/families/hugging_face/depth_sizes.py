"""Parts of depth estimators, written so that a trace holds for any number of images of any size.

transformers' own compute with Python's numbers, or ask whether two sizes are equal: a trace keeps the answer
for its example.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate


def free_sizes(model: nn.Module) -> None:
    """Replace `forward` of the modules that would fix a size."""
    for module in model.modules():
        if replacement := _REPLACEMENTS.get(type(module).__name__):
            changed: Any = module
            changed.forward = partial(replacement, module)


def _depth_anything_head(head: Any, states: Sequence[Tensor], rows: int, columns: int) -> Tensor:
    """→ (B, rows * patch, columns * patch)."""
    size = rows * head.patch_size, columns * head.patch_size
    features = interpolate(head.conv1(states[head.head_in_index]), size, mode="bilinear", align_corners=True)
    depth = head.conv3(head.activation1(head.conv2(features)))
    scaled: Tensor = head.activation2(depth) * head.max_depth
    return scaled.squeeze(dim=1)


def _fusion(layer: Any, state: Tensor, residual: Tensor | None = None) -> Tensor:
    """DPT's: twice the size of `state`. An odd grid, halved and doubled, is larger than `residual`."""
    if residual is not None:
        size = state.shape[2], state.shape[3]
        # Without asking whether it is needed: of the same size, it changes nothing.
        state = state + layer.residual_layer1(
            interpolate(residual, size=size, mode="bilinear", align_corners=False)
        )
    state = layer.residual_layer2(state)
    state = interpolate(state, scale_factor=2, mode="bilinear", align_corners=layer.align_corners)
    fused: Tensor = layer.projection(state)
    return fused


def _reassemble(stage: Any, states: Sequence[Tensor], rows: int, columns: int) -> list[Tensor]:
    """ZoeDepth's: tokens (B, 1 + rows * columns, D) of each stage → maps, one stage after the other."""
    maps = []
    for place, state in enumerate(states):
        token, patches = state[:, :1], state[:, 1:]
        patches = stage.readout_projects[place](torch.cat([patches, token.expand_as(patches)], dim=-1))
        maps.append(stage.layers[place](patches.transpose(1, 2).reshape(state.shape[0], -1, rows, columns)))
    return maps


def _heads(
    heads: Any,
    outconv_activation: Tensor,
    bottleneck: Tensor,
    feature_blocks: Sequence[Tensor],
    relative_depth: Tensor,
) -> tuple[Tensor, Tensor]:
    """ZoeDepth's heads for several kinds of scene: (B, 1, h, w) of the head that each image asks for, and the
    votes, (B, heads).

    The library lets a batch vote for one head together; here frames of several cameras may be one batch.
    """
    features = heads.conv2(bottleneck)
    votes = heads.mlp_classifier(heads.patch_transformer(features)[:, 0])
    chosen = votes.argmax(dim=1)[:, None, None, None]
    embeddings = [
        projector(block) for projector, block in zip(heads.projectors, feature_blocks, strict=False)
    ]
    depth = torch.zeros_like(outconv_activation[:, :1])
    for place, configuration in enumerate(heads.bin_configurations):
        found = _head(heads, configuration, features, embeddings, outconv_activation)
        depth = torch.where(chosen == place, found, depth)
    return depth, votes


def _head(
    heads: Any, configuration: Any, features: Tensor, embeddings: Sequence[Tensor], last: Tensor
) -> Tensor:
    """One of them: bins of depth, drawn together from block to block, and how much each pixel is of each."""
    name, least, most = (configuration[key] for key in ("name", "min_depth", "max_depth"))
    _, centres = heads.seed_bin_regressors[name](features)
    bins = (centres - least) / (most - least) if heads.bin_centers_type == "normed" else centres
    before = heads.seed_projector(features)
    for attractor, embedding in zip(heads.attractors[name], embeddings, strict=True):
        bins, centres = attractor(embedding, bins, before, interpolate=True)
        before = embedding
    size = last.shape[-2:]
    centres = interpolate(centres, size, mode="bilinear", align_corners=True)
    before = interpolate(before, size, mode="bilinear", align_corners=True)
    shares = heads.conditional_log_binomial[name](last, before)
    depth: Tensor = (shares * centres).sum(dim=1, keepdim=True)
    return depth


def _relative_bias(
    table: Any,
    window_size: tuple[int, int],
    interpolate_pos_encoding: bool = False,
    dim_size: int | None = None,
) -> Tensor:
    """BEiT's: (1, heads, 1 + N, 1 + N) for a window of rows x columns."""
    rows, columns = window_size
    kept = table.relative_position_bias_table
    old = 2 * table.window_size[1] - 1, 2 * table.window_size[0] - 1
    patches = kept[:-3].reshape(1, *old, -1).permute(0, 3, 1, 2)
    patches = interpolate(patches, size=(2 * rows - 1, 2 * columns - 1), mode="bilinear")
    values = torch.cat([patches.flatten(2)[0].transpose(0, 1), kept[-3:]])
    places = torch.arange(rows * columns, device=kept.device)
    row, column = places // columns, places % columns
    index = (row[:, None] - row + rows - 1) * (2 * columns - 1) + column[:, None] - column + columns - 1
    # The class token's, with others and with itself, are the last three.
    nothing, end = torch.zeros_like(index[:, :1]), (2 * rows - 1) * (2 * columns - 1)
    index = torch.cat([nothing + end + 1, index], dim=1)
    first = torch.cat([nothing[:1] + end + 2, nothing.transpose(0, 1) + end], dim=1)
    index = torch.cat([first, index])
    return values[index].permute(2, 0, 1).unsqueeze(0)


_REPLACEMENTS: dict[str, Callable[..., Any]] = {
    "DepthAnythingDepthEstimationHead": _depth_anything_head,
    "DPTFeatureFusionLayer": _fusion,
    "ZoeDepthFeatureFusionLayer": _fusion,
    "ZoeDepthReassembleStage": _reassemble,
    "ZoeDepthMultipleMetricDepthEstimationHeads": _heads,
    "BeitRelativePositionBias": _relative_bias,
}
