"""Decomposed relative positions (MViTv2, Li et al. 2022): a row for how far up, one for how far left."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def relative_positions(queries: int, keys: int, table: Tensor) -> Tensor:
    """Rows of `table` (L, d) for every pair on one axis, (queries, keys, d).

    The table is resampled to the 2·max(queries, keys) - 1 distances there are; the shorter axis
    counts in the longer one's steps.
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
    """What relative position adds to the logits of `query` (B, heads, qh·qw, d): (B, heads, qh·qw, kh·kw)."""
    (rows, columns), (key_rows, key_columns) = query_grid, key_grid
    cells = query.reshape(*query.shape[:2], rows, columns, query.shape[-1])
    vertical = torch.einsum("bnhwc,hkc->bnhwk", cells, relative_positions(rows, key_rows, table_y))
    horizontal = torch.einsum("bnhwc,wkc->bnhwk", cells, relative_positions(columns, key_columns, table_x))
    bias = vertical.unsqueeze(-1) + horizontal.unsqueeze(-2)
    return bias.reshape(*query.shape[:3], key_rows * key_columns)
