"""Multi-head attention: self-attention with timm's `qkv`, and a query that reads other tokens."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    need_weights: bool,
    bias: Tensor | None = None,
    scale: float | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Query (B, heads, N, d), key and value (B, heads, M, d) → tokens (B, N, heads·d), and weights
    (B, heads, N, M) only on request. `scale` (1/√d unless given) multiplies the logits, `bias`
    (… N, M) is added to them."""
    weights = None
    if need_weights:
        # Scaling the query, not the product, keeps the sums small and equals the fused path to 1e-6.
        logits = (query * (scale or query.shape[-1] ** -0.5)) @ key.transpose(-2, -1)
        weights = (logits if bias is None else logits + bias).softmax(dim=-1)
        tokens = weights @ value
    else:
        tokens = F.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=scale)
    return tokens.transpose(1, 2).flatten(2), weights


def check_heads(dim: int, num_heads: int) -> int:
    """Channels a head.

    Raises:
        ValueError: the heads do not divide the width.
    """
    if num_heads <= 0 or dim % num_heads:
        raise ValueError(f"embed_dim {dim} is not divisible by num_heads {num_heads}: change one of them")
    return dim // num_heads


class Attention(nn.Module):
    """Self-attention (Vaswani et al. 2017), (B, N, D) → (B, N, D), with weights on request.

    `head_dim`: channels a head, where heads were pruned; None shares the width out among them.
    """

    def __init__(self, dim: int, num_heads: int, qkv_bias: bool = True, head_dim: int | None = None) -> None:
        super().__init__()
        inner = num_heads * (head_dim or check_heads(dim, num_heads))
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, inner * 3, bias=qkv_bias)
        self.proj = nn.Linear(inner, dim)

    def project(self, x: Tensor) -> Tensor:
        """Queries, keys and values (3, B, heads, N, d)."""
        qkv: Tensor = self.qkv(x)
        return qkv.reshape(*x.shape[:2], 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)

    def forward(
        self, x: Tensor, need_weights: bool = False, bias: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        qkv = self.project(x)
        tokens, weights = attend(qkv[0], qkv[1], qkv[2], need_weights, bias)
        return self.proj(tokens), weights


class CrossAttention(nn.Module):
    """Queries (B, Q, D) read context tokens (B, N, D), all or those that `mask` (B, N) marks → (B, Q, D)."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        check_heads(dim, num_heads)
        self.num_heads = num_heads
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, dim * 2)
        self.proj = nn.Linear(dim, dim)

    def forward(self, query: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        q = self.q(query).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        kv = self.kv(context).unflatten(-1, (2, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        bias = None
        if mask is not None:
            bias = torch.zeros_like(mask, dtype=q.dtype).masked_fill(~mask, -torch.inf)[:, None, None]
        tokens, _ = attend(q, kv[0], kv[1], need_weights=False, bias=bias)
        read: Tensor = self.proj(tokens)
        return read
