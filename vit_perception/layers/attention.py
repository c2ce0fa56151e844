"""Multi-head attention: self-attention with timm's `qkv`, and cross-attention."""

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
    """Scaled dot-product attention (Vaswani et al. 2017) of projected queries, keys and values.

    Args:
        query: (B, heads, N, d).
        key: (B, heads, M, d).
        value: (B, heads, M, d).
        need_weights: compute the weights too, which the fused kernel does not give.
        bias: added to the logits, of a shape that broadcasts to (B, heads, N, M); None for none.
        scale: multiplies the logits; None for 1/√d.

    Returns:
        Tokens (B, N, heads·d), heads joined, and the weights (B, heads, N, M), whose rows sum to one;
        None unless they are needed. Both paths give the same tokens to 1e-6.
    """
    weights = None
    if need_weights:
        # Scaling the query, not the product, keeps the sums small and agrees with the fused path.
        logits = (query * (scale or query.shape[-1] ** -0.5)) @ key.transpose(-2, -1)
        weights = (logits if bias is None else logits + bias).softmax(dim=-1)
        tokens = weights @ value
    else:
        tokens = F.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=scale)
    return tokens.transpose(1, 2).flatten(2), weights


def check_heads(dim: int, num_heads: int) -> int:
    """Channels of each head.

    Raises:
        ValueError: `dim` is not divisible by `num_heads`.
    """
    if num_heads <= 0 or dim % num_heads:
        raise ValueError(f"embed_dim {dim} is not divisible by num_heads {num_heads}: change one of them")
    return dim // num_heads


class Attention(nn.Module):
    """Self-attention (Vaswani et al. 2017), (B, N, D) → (B, N, D).

    Args:
        dim: D, channels of a token.
        num_heads: attention heads.
        qkv_bias: whether the projections to queries, keys and values have a bias.
        head_dim: channels of each head where some heads were pruned; None for `dim / num_heads`.
    """

    def __init__(self, dim: int, num_heads: int, qkv_bias: bool = True, head_dim: int | None = None) -> None:
        super().__init__()
        inner = num_heads * (head_dim or check_heads(dim, num_heads))
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, inner * 3, bias=qkv_bias)
        self.proj = nn.Linear(inner, dim)

    def project(self, x: Tensor) -> Tensor:
        """Tokens (B, N, D) → queries, keys and values, stacked: (3, B, heads, N, d)."""
        qkv: Tensor = self.qkv(x)
        return qkv.reshape(*x.shape[:2], 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)

    def forward(
        self, x: Tensor, need_weights: bool = False, bias: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Tokens (B, N, D), and weights (B, heads, N, N) if needed; `bias` as in `attend`."""
        qkv = self.project(x)
        tokens, weights = attend(qkv[0], qkv[1], qkv[2], need_weights, bias)
        return self.proj(tokens), weights


class CrossAttention(nn.Module):
    """Cross-attention: queries (B, Q, D) attend to context tokens (B, N, D) → (B, Q, D).

    Args:
        dim: D, channels of queries and of context tokens.
        num_heads: attention heads.
    """

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        check_heads(dim, num_heads)
        self.num_heads = num_heads
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, dim * 2)
        self.proj = nn.Linear(dim, dim)

    def forward(self, query: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attend to the context tokens for which `mask` (B, N) is True; None attends to all."""
        return self._attend(query, context, mask, need_weights=False)[0]

    def with_weights(self, query: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """The same of all context tokens, and what it reads of each: (B, heads, Q, N)."""
        tokens, weights = self._attend(query, context, None, need_weights=True)
        assert weights is not None
        return tokens, weights

    def _attend(
        self, query: Tensor, context: Tensor, mask: Tensor | None, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        q = self.q(query).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        kv = self.kv(context).unflatten(-1, (2, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        bias = None
        if mask is not None:
            bias = torch.zeros_like(mask, dtype=q.dtype).masked_fill(~mask, -torch.inf)[:, None, None]
        tokens, weights = attend(q, kv[0], kv[1], need_weights, bias)
        return self.proj(tokens), weights
