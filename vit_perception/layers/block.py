"""The pre-norm transformer block: `x + attn(norm1(x))`, then `x + mlp(norm2(x))`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vit_perception.layers.attention import Attention


class LayerScale(nn.Module):
    """A learned gain for each channel (Touvron et al. 2021, CaiT)."""

    def __init__(self, dim: int, init_value: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((dim,), init_value))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma


class DropPath(nn.Module):
    """Stochastic depth (Huang et al. 2016): in training, drops a residual branch for whole samples.

    Args:
        probability: of dropping the branch, in [0, 1).
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        if not 0.0 <= probability < 1.0:
            raise ValueError(f"drop_path {probability} is not a probability in [0, 1)")
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.probability == 0.0:
            return x
        keep = 1.0 - self.probability
        return x * x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(keep).div_(keep)


def drop_path_rates(rate: float, depths: Sequence[int]) -> list[list[float]]:
    """Drop-path probability of every block, rising linearly from 0 in the first to `rate` in the last.

    Args:
        rate: probability of the last block.
        depths: blocks of each stage.

    Returns:
        A list for each stage, with a probability for each of its blocks.
    """
    last = max(sum(depths) - 1, 1)
    rates = iter([rate * index / last for index in range(sum(depths))])
    return [[next(rates) for _ in range(depth)] for depth in depths]


class Mlp(nn.Module):
    """Two linear layers with an activation between them, (…, D) → (…, D)."""

    def __init__(self, dim: int, hidden: int, act: type[nn.Module] = nn.GELU) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.act = act()
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.fc2(self.act(self.fc1(x)))
        return hidden


class Block(nn.Module):
    """One encoder block, (B, N, D) → (B, N, D).

    Args:
        dim: D, channels of a token.
        num_heads: attention heads.
        mlp_ratio: hidden channels of the MLP over `dim`.
        qkv_bias: whether the projections to queries, keys and values have a bias.
        layer_scale: initial gain of both branches, None for no LayerScale.
        drop_path: probability of dropping a branch in training, in [0, 1).
        norm_eps: epsilon of LayerNorm.
        act: activation of the MLP.
        head_dim: channels of each head where some heads were pruned; None for `dim / num_heads`.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        mlp_ratio: float = 4.0,
        *,
        qkv_bias: bool = True,
        layer_scale: float | None = None,
        drop_path: float = 0.0,
        norm_eps: float = 1e-6,
        act: type[nn.Module] = nn.GELU,
        head_dim: int | None = None,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=norm_eps)
        self.attn = Attention(dim, num_heads, qkv_bias, head_dim)
        self.ls1 = nn.Identity() if layer_scale is None else LayerScale(dim, layer_scale)
        self.norm2 = nn.LayerNorm(dim, eps=norm_eps)
        self.mlp = Mlp(dim, int(dim * mlp_ratio), act)
        self.ls2 = nn.Identity() if layer_scale is None else LayerScale(dim, layer_scale)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        """Tokens (B, N, D), and attention weights (B, heads, N, N) if needed."""
        attended, weights = self.attn(self.norm1(x), need_weights)
        x = x + self.drop_path(self.ls1(attended))
        x = x + self.drop_path(self.ls2(self.mlp(self.norm2(x))))
        return x, weights
