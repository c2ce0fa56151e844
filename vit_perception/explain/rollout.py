"""From the output back to the patches, block by block.

Every block mixes tokens by its attention and passes each on by its residual. What the output reads of
each token is a row vector; carried backwards through the blocks it says what it reads of each patch of
the image. This is the class token's row of the product of the blocks' matrices, at the cost of a
vector, and it goes through windows, pixel groups, pooled keys and merged tokens, which have no such product.

Backbones without a class token start from all their tokens equally, which is how their classifiers
read them; where a coarser stage follows a finer one, a cell's share is divided among the cells it was
merged from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vit_perception.backbones.features import BlockAttention, spread


@dataclass(frozen=True)
class _Reading:
    """values (B, P + h·w, 1): what the output reads of the tokens between two blocks, on `grid`."""

    values: Tensor
    num_prefix: int
    grid: tuple[int, int]

    def on(self, num_prefix: int, grid: tuple[int, int]) -> _Reading:
        """The same on the tokens that a block gives: on a finer grid, or without a class token, which a
        later stage began with (its share says nothing of the image)."""
        prefix, cells = self.values[:, : self.num_prefix], self.values[:, self.num_prefix :]
        cells = spread(cells, self.grid, grid)
        return _Reading(torch.cat([prefix[:, :num_prefix], cells], dim=1), num_prefix, grid)


def rollout(attention: Mapping[int, BlockAttention], *, start: int = 0, clip: float = math.inf) -> Tensor:
    """Attention rollout (Abnar and Zuidema 2020), (B, gh, gw), sums to one: mean of the heads, half
    residual, rows that sum to one.

    start: the first block that counts. clip: what no patch may exceed, in what the median patch of a
    block is read: without register tokens, DINOv2 and large ViTs keep a few patches of no content as
    scratch space (Darcet et al. 2024), which all tokens read and which swallow the product.

    Raises:
        ValueError: there is no attention from `start` on, or clip is below one.
    """
    blocks = _from_last(attention, start)
    if not clip >= 1.0:
        raise ValueError(f"clip is a multiple of the median patch, at least 1, not {clip}")
    reading = _begin(blocks[0])
    for block in blocks:
        weights = _on_tokens(block, block.weights.mean(dim=1))
        if clip < math.inf:
            weights = _clipped(weights, block.num_prefix, clip)
        reading = _pull(reading, block, weights, own=0.5, other=0.5)
    return _as_map(reading)


def gradient_rollout(attention: Mapping[int, BlockAttention], score: Tensor, *, start: int = 0) -> Tensor:
    """What speaks for one answer, (B, gh, gw), sums to one (Chefer et al. 2021): attention times its
    gradient, where that is positive, added to the residual.

    score: (B,), of the same forward pass, one logit of each image.

    Raises:
        ValueError: there is no attention from `start` on, or the score does not depend on it.
    """
    blocks = _from_last(attention, start)
    try:
        gradients = torch.autograd.grad(score.sum(), [block.raw for block in blocks], allow_unused=True)
    except RuntimeError as error:
        raise ValueError(f"the score has no gradient to the attention: {error}") from error
    reading = _begin(blocks[0])
    for block, gradient in zip(blocks, gradients, strict=True):
        if gradient is None:  # the last block of a head that reads patches alone may not matter
            gradient = torch.zeros_like(block.raw)
        relevance = (replace(block, raw=gradient).weights * block.weights.detach()).clamp(min=0).mean(dim=1)
        reading = _pull(reading, block, relevance, own=1.0, other=1.0)
    return _as_map(reading)


def _from_last(attention: Mapping[int, BlockAttention], start: int) -> Sequence[BlockAttention]:
    blocks = [attention[index] for index in sorted(attention, reverse=True) if index >= start]
    if not blocks:
        raise ValueError(f"no attention from block {start} on: there is {sorted(attention) or 'none'}")
    return blocks


def _begin(last: BlockAttention) -> _Reading:
    """The class token alone, or every token equally."""
    tokens = last.num_prefix + last.query_grid[0] * last.query_grid[1]
    values = last.raw.new_zeros(last.weights.shape[0], tokens, 1)
    if last.num_prefix:
        values[:, 0] = 1.0
    else:
        values[:] = 1.0 / tokens
    return _Reading(values, last.num_prefix, last.query_grid)


def _on_tokens(block: BlockAttention, weights: Tensor) -> Tensor:
    """Weights (B, G, Q, K) with nothing on padding, rows that sum to one."""
    groups, queries, keys = weights.shape[1:]
    if groups > 1 and queries == keys:
        tokens = block.num_prefix + block.grid[0] * block.grid[1]
        real = block.group(weights.new_ones(weights.shape[0], tokens, 1)) > 0
        weights = weights * real.transpose(2, 3)
    return weights / weights.sum(dim=-1, keepdim=True).clamp(min=1e-12)


def _clipped(weights: Tensor, num_prefix: int, clip: float) -> Tensor:
    """Weights (B, G, Q, K) in which no patch is read more than `clip` times the median one."""
    received = weights.mean(dim=2, keepdim=True)
    limit = clip * received[..., num_prefix:].median(dim=-1, keepdim=True).values
    factor = (limit / received.clamp(min=1e-12)).clamp(max=1.0)
    factor[..., :num_prefix] = 1.0
    weights = weights * factor
    return weights / weights.sum(dim=-1, keepdim=True).clamp(min=1e-12)


def _pull(reading: _Reading, block: BlockAttention, weights: Tensor, own: float, other: float) -> _Reading:
    """What is read of the tokens that enter a block, from what is read of those that leave it."""
    leaving = reading.on(block.num_prefix, block.query_grid)
    queries = block.group(leaving.values)
    read = block.ungroup((queries.transpose(2, 3) @ weights).transpose(2, 3))
    entering = leaving.on(block.num_prefix, block.grid)
    return replace(entering, values=own * entering.values + other * read)


def _as_map(reading: _Reading) -> Tensor:
    cells = reading.values[:, reading.num_prefix :, 0]
    cells = cells / cells.sum(dim=1, keepdim=True).clamp(min=1e-12)
    return cells.reshape(-1, *reading.grid).detach()
