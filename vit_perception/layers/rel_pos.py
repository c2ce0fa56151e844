"""Decomposed relative positions (MViTv2, Li et al. 2022): a table for each axis."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def relative_positions(queries: int, keys: int, table: Tensor) -> Tensor:
    """Embedding of the distance between every query and every key along one axis.

    Args:
        queries: cells of the query grid along the axis.
        keys: cells of the key grid along the axis.
        table: (L, d), one row for each distance; resampled to 2·max(queries, keys) - 1 rows where L differs.

    Returns:
        (queries, keys, d). Distances are in cells of the finer grid.
    """
    distances = 2 * max(queries, keys) - 1
    if table.shape[0] != distances:
        table = F.interpolate(table.T.unsqueeze(0), size=distances, mode="linear").squeeze(0).T
    q = torch.arange(queries, device=table.device).unsqueeze(1)
    k = torch.arange(keys, device=table.device).unsqueeze(0)
    if queries != keys:
        q, k = q * max(keys / queries, 1.0), k * max(queries / keys, 1.0)
        return table[(q - k + (keys - 1) * max(queries / keys, 1.0)).long()]
    return table[q - k + (keys - 1)]


def decomposed_bias(
    query: Tensor,
    table_y: Tensor,
    table_x: Tensor,
    query_grid: tuple[int, int],
    key_grid: tuple[int, int],
) -> Tensor:
    """Bias that the relative positions add to the attention logits.

    Args:
        query: (B, heads, qh·qw, d).
        table_y: (L, d), one row for each vertical distance.
        table_x: (L', d), one row for each horizontal distance.
        query_grid: (qh, qw).
        key_grid: (kh, kw).

    Returns:
        (B, heads, qh·qw, kh·kw).
    """
    (rows, columns), (key_rows, key_columns) = query_grid, key_grid
    cells = query.reshape(*query.shape[:2], rows, columns, query.shape[-1])
    vertical = torch.einsum("bnhwc,hkc->bnhwk", cells, relative_positions(rows, key_rows, table_y))
    horizontal = torch.einsum("bnhwc,wkc->bnhwk", cells, relative_positions(columns, key_columns, table_x))
    bias = vertical.unsqueeze(-1) + horizontal.unsqueeze(-2)
    return bias.reshape(*query.shape[:3], key_rows * key_columns)
