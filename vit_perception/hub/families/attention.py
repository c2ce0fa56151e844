"""From the attention weights of all blocks to the raw output `attention`, for models of any library."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# What the blocks before it mix is left out: early ones attend to everything, and large models keep patches
# without content as scratch space (Darcet et al. 2024), which swallow the product.
START = 0.5
# No patch is read more than this times the mean one, for the same reason.
_CLIP = 4.0


def rollout_row(
    attentions: Sequence[Tensor], grid: tuple[int, int], pooled: bool, start: float = START
) -> Tensor:
    """One row of the attention rollout (Abnar and Zuidema 2020): what the answer reads of each patch.

    The row is that of the class token, or of the mean patch where the model is read by it or has no other
    token. It is carried backwards through the blocks: a vector for each image instead of a matrix.

    Args:
        attentions: weights of each block, L x (B, heads, N, N), the patches last among the N tokens.
        grid: rows and columns of the patches.
        pooled: whether the model is read by the mean of its patches though it may have a class token.
        start: share of the blocks, the first ones, that is left out.

    Returns:
        (B, 1, gh, gw).
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
