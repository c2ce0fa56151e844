"""Attention rollout: how much each patch contributes to the output, through all blocks.

A block mixes its tokens by attention and adds the residual. Rollout multiplies the blocks' attention
matrices, of whose product only the class token's row is needed. Here this row is propagated backwards from
the last block to the first, as a vector with the relevance of each token. That is cheaper, and it also works
for windows, pixel groups, pooled keys and merged tokens, which have no common matrix.

In a backbone without a class token, all tokens of the last block start with the same relevance, since the
published classifiers average them. Where a coarse stage follows a finer one, the cells that were merged share
the relevance of the coarse cell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vit_perception.backbones.features import BlockAttention, spread


@dataclass(frozen=True)
class _Relevance:
    """The relevance of the tokens between two blocks for the output.

    Attributes:
        values: (B, P + h·w, 1).
        num_prefix: P, tokens before the first patch token.
        grid: (h, w) of the patch tokens.
    """

    values: Tensor
    num_prefix: int
    grid: tuple[int, int]

    def on(self, num_prefix: int, grid: tuple[int, int]) -> _Relevance:
        """The relevance of the tokens of an earlier stage: on a finer grid, or without the class token if
        that joins later (its relevance then belongs to no part of the image)."""
        prefix, cells = self.values[:, : self.num_prefix], self.values[:, self.num_prefix :]
        cells = spread(cells, self.grid, grid)
        return _Relevance(torch.cat([prefix[:, :num_prefix], cells], dim=1), num_prefix, grid)


def rollout(attention: Mapping[int, BlockAttention], *, start: int = 0, clip: float = math.inf) -> Tensor:
    """Attention rollout (Abnar and Zuidema 2020): mean over heads, attention and residual at a half each.

    Args:
        attention: block index → attention, from one forward pass.
        start: index of the first block that counts.
        clip: limit on the attention to a patch, as a multiple of the median patch's, at least 1; infinity
            for no limit. Without registers, DINOv2 and large ViTs use a few patches without content as
            scratch space (Darcet et al. 2024); all tokens attend to these, and they would dominate.

    Returns:
        (B, gh, gw), the relevance of each patch; each map sums to one.

    Raises:
        ValueError: there is no attention from `start` on, or clip is below one.
    """
    blocks = _from_last(attention, start)
    if not clip >= 1.0:
        raise ValueError(f"clip is a multiple of the median patch, at least 1, not {clip}")
    relevance = _initial(blocks[0])
    for block in blocks:
        weights = _without_padding(block, block.weights.mean(dim=1))
        if clip < math.inf:
            weights = _clipped(weights, block.num_prefix, clip)
        relevance = _propagate(relevance, block, weights, residual=0.5, attention=0.5)
    return _as_map(relevance)


def gradient_rollout(attention: Mapping[int, BlockAttention], score: Tensor, *, start: int = 0) -> Tensor:
    """Relevance for one output (Chefer et al. 2021): attention times its gradient where positive, plus the
    residual.

    Args:
        attention: block index → attention, from one forward pass with gradients.
        score: (B,), one logit of each image, from the same forward pass.
        start: index of the first block that counts.

    Returns:
        (B, gh, gw), the relevance of each patch; each map sums to one.

    Raises:
        ValueError: there is no attention from `start` on, or the score does not depend on it.
    """
    blocks = _from_last(attention, start)
    try:
        gradients = torch.autograd.grad(score.sum(), [block.raw for block in blocks], allow_unused=True)
    except RuntimeError as error:
        raise ValueError(f"the score has no gradient to the attention: {error}") from error
    relevance = _initial(blocks[0])
    for block, gradient in zip(blocks, gradients, strict=True):
        if gradient is None:  # as of the last block, if the head takes no token from it
            gradient = torch.zeros_like(block.raw)
        weights = (replace(block, raw=gradient).weights * block.weights.detach()).clamp(min=0).mean(dim=1)
        relevance = _propagate(relevance, block, weights, residual=1.0, attention=1.0)
    return _as_map(relevance)


def _from_last(attention: Mapping[int, BlockAttention], start: int) -> Sequence[BlockAttention]:
    """The blocks from the last to `start`."""
    blocks = [attention[index] for index in sorted(attention, reverse=True) if index >= start]
    if not blocks:
        raise ValueError(f"no attention from block {start} on: there is {sorted(attention) or 'none'}")
    return blocks


def _initial(last: BlockAttention) -> _Relevance:
    """Relevance after the last block: 1 for the class token, or equal for all tokens without one."""
    tokens = last.num_prefix + last.query_grid[0] * last.query_grid[1]
    values = last.raw.new_zeros(last.weights.shape[0], tokens, 1)
    if last.num_prefix:
        values[:, 0] = 1.0
    else:
        values[:] = 1.0 / tokens
    return _Relevance(values, last.num_prefix, last.query_grid)


def _without_padding(block: BlockAttention, weights: Tensor) -> Tensor:
    """Weights (B, G, Q, K) with 0 for padding; each row sums to one."""
    groups, queries, keys = weights.shape[1:]
    if groups > 1 and queries == keys:
        tokens = block.num_prefix + block.grid[0] * block.grid[1]
        real = block.group(weights.new_ones(weights.shape[0], tokens, 1)) > 0
        weights = weights * real.transpose(2, 3)
    return weights / weights.sum(dim=-1, keepdim=True).clamp(min=1e-12)


def _clipped(weights: Tensor, num_prefix: int, clip: float) -> Tensor:
    """Weights (B, G, Q, K) in which no patch receives more than `clip` times the median's attention."""
    received = weights.mean(dim=2, keepdim=True)
    limit = clip * received[..., num_prefix:].median(dim=-1, keepdim=True).values
    factor = (limit / received.clamp(min=1e-12)).clamp(max=1.0)
    factor[..., :num_prefix] = 1.0
    weights = weights * factor
    return weights / weights.sum(dim=-1, keepdim=True).clamp(min=1e-12)


def _propagate(
    relevance: _Relevance, block: BlockAttention, weights: Tensor, residual: float, attention: float
) -> _Relevance:
    """Propagate relevance backwards through a block.

    Args:
        relevance: of the tokens that leave the block.
        block: the block.
        weights: (B, G, Q, K), the share of each key in each query.
        residual: factor of the residual path.
        attention: factor of the attention path.

    Returns:
        The relevance of the tokens that enter the block.
    """
    leaving = relevance.on(block.num_prefix, block.query_grid)
    queries = block.group(leaving.values)
    attended = block.ungroup((queries.transpose(2, 3) @ weights).transpose(2, 3))
    entering = leaving.on(block.num_prefix, block.grid)
    return replace(entering, values=residual * entering.values + attention * attended)


def _as_map(relevance: _Relevance) -> Tensor:
    """The relevance of the patches, (B, gh, gw), without the prefix tokens; each map sums to one."""
    cells = relevance.values[:, relevance.num_prefix :, 0]
    cells = cells / cells.sum(dim=1, keepdim=True).clamp(min=1e-12)
    return cells.reshape(-1, *relevance.grid).detach()
