"""Attention rollout by whole matrices, as it is defined; and where its cells lie in a photograph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def dense_rollout(attentions: Sequence[np.ndarray], patches: int, pooled: bool) -> np.ndarray:
    """(L x (heads, N, N)) → (patches,): what the answer reads of each patch, by the later half of the blocks.

    The answer is read from the first token, or from the mean of the patches, which are the last tokens.
    """
    weights = [block.astype(np.float64).mean(axis=0) for block in attentions]
    tokens = weights[0].shape[0]
    prefix = tokens - patches
    flow = np.eye(tokens)
    for block in weights[len(weights) // 2 : -1]:
        limited = block.copy()
        mean = limited[:, prefix:].mean(axis=1, keepdims=True)
        limited[:, prefix:] = np.minimum(limited[:, prefix:], 4 * mean)
        limited /= limited.sum(axis=1, keepdims=True)
        flow = (0.5 * np.eye(tokens) + 0.5 * limited) @ flow
    reader = np.zeros(tokens)
    if pooled or not prefix:
        reader[prefix:] = 1 / patches
    else:
        reader[0] = 1
    return (reader @ weights[-1] @ flow)[prefix:]


def centres_of_cells(grid: int, resized: tuple[int, int], crop: int, source: tuple[int, int]) -> np.ndarray:
    """(grid, grid, 2) rows and columns, in source pixels, of the centres of a square crop's cells."""
    inside = (np.arange(grid) + 0.5) * crop / grid
    axes = []
    for side, whole in zip(resized, source, strict=True):
        axes.append(((side - crop) // 2 + inside) * whole / side)
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
