"""Fewer patch tokens from block to block of a plain ViT.

Merged where they are alike (ToMe, Bolya et al. 2023), or pruned where the class token does not look
(EViT, Liang et al. 2022). What comes out is a token for every patch again, so that any head can follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from vit_perception.layers.attention import attend
from vit_perception.layers.block import Block

KINDS = ("merge", "prune")


@dataclass(frozen=True)
class TokenReduction:
    """kind: merge or prune. rate: share of the image's patches that each block gives up: after twelve
    blocks at 0.04 there are 52 % left. A block merges at most half of what it has, so that rate times
    (blocks + 1) must not exceed one."""

    kind: str = "merge"
    rate: float = 0.05

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown token reduction {self.kind!r}: choose from {', '.join(KINDS)}")
        if self.rate <= 0.0:
            raise ValueError(f"rate of token reduction must be positive, not {self.rate}")

    def count(self, patches: int) -> int:
        """How many of an image's patches go in each block, in whole thousandths as a graph computes it."""
        return patches * round(self.rate * 1000) // 1000

    def check(self, blocks: int) -> None:
        """Raises:
        ValueError: so many blocks cannot give up that much.
        """
        if self.rate * (blocks + 1) > 1.0:
            raise ValueError(
                f"{blocks} blocks cannot each give up {self.rate} of the patches: rate must be at most "
                f"{1 / (blocks + 1):.3f}"
            )


class Patches(NamedTuple):
    """Where the N patches of the image are among the n tokens that are left.

    owner: (B, N), the token that holds each patch, -1 for one that was pruned. size: (B, n), patches in
    each token. left: (B, N, D), what a pruned patch was when it went; (B, N, 0) where nothing is pruned.
    """

    owner: Tensor
    size: Tensor
    left: Tensor

    def restore(self, tokens: Tensor) -> Tensor:
        """Tokens (B, n, D) → one for each patch of the image (B, N, D)."""
        held = _gather(tokens, self.owner.clamp(min=0))
        return torch.where(self.owner.unsqueeze(-1) < 0, self.left, held) if self.left.shape[-1] else held

    def pool(self, values: Tensor) -> Tensor:
        """Values of patches (B, N, C) → summed on the tokens that hold them (B, n, C)."""
        values = values * (self.owner >= 0).unsqueeze(-1)
        sums = values.new_zeros(values.shape[0], self.size.shape[1], values.shape[-1])
        return sums.scatter_add(1, _index(self.owner.clamp(min=0), values), values)

    def share(self, values: Tensor) -> Tensor:
        """Values of tokens (B, n, C) → in equal shares on their patches (B, N, C), zero on pruned ones."""
        shares = _gather(values / self.size.unsqueeze(-1), self.owner.clamp(min=0))
        return shares * (self.owner >= 0).unsqueeze(-1)


def whole(tokens: Tensor, reduction: TokenReduction) -> Patches:
    """The start, every one of the tokens (B, N, D) a patch."""
    batch, count, _ = tokens.shape
    owner = torch.arange(count, device=tokens.device).expand(batch, -1)
    left = tokens if reduction.kind == "prune" else tokens[..., :0]
    return Patches(owner, tokens.new_ones(batch, count), left)


def _index(owner: Tensor, like: Tensor) -> Tensor:
    return owner.unsqueeze(-1).expand(-1, -1, like.shape[-1])


def _gather(tokens: Tensor, owner: Tensor) -> Tensor:
    return tokens.gather(1, _index(owner, tokens))


def merge(tokens: Tensor, metric: Tensor, patches: Patches, count: int) -> tuple[Tensor, Patches]:
    """The `count` tokens of (B, n, D) most like a neighbour join it, weighted by their sizes.

    Bipartite soft matching: every second token looks for its most similar one, by the cosine of
    `metric` (B, n, d), among the others; the most similar pairs become one. A single token stays.
    """
    number = tokens.shape[1]
    if number < 2:
        return tokens, patches
    metric = F.normalize(metric, dim=-1)
    best, partner = (metric[:, ::2] @ metric[:, 1::2].transpose(1, 2)).max(dim=-1)
    order = best.argsort(dim=-1, descending=True)
    stay = best.shape[1] - count
    # Where each token of the first half goes: beside the others that stay, or onto its partner. Those
    # that stay keep their order, or the last digit of a similarity would decide who meets whom next.
    ranks = torch.arange(stay, device=tokens.device).expand(tokens.shape[0], -1)
    first = (stay + partner).scatter(1, order.narrow(1, count, stay).sort(dim=-1).values, ranks)
    second = stay + torch.arange(number - best.shape[1], device=tokens.device)
    both = torch.cat([first, second.expand(tokens.shape[0], -1)], dim=1)
    number_of = torch.arange(number, device=tokens.device)
    target = both[:, number_of // 2 + number_of % 2 * best.shape[1]]
    size = patches.size.new_zeros(tokens.shape[0], number - count).scatter_add(1, target, patches.size)
    weighted = tokens * patches.size.unsqueeze(-1)
    sums = tokens.new_zeros(tokens.shape[0], number - count, tokens.shape[-1])
    sums = sums.scatter_add(1, _index(target, tokens), weighted)
    return sums / size.unsqueeze(-1), Patches(target.gather(1, patches.owner), size, patches.left)


def prune(tokens: Tensor, scores: Tensor, patches: Patches, count: int) -> tuple[Tensor, Patches]:
    """The `count` tokens of (B, n, D) with the lowest `scores` (B, n) go; their patches stay as they are."""
    order = scores.argsort(dim=-1, descending=True)
    stay = tokens.shape[1] - count
    kept = order.narrow(1, 0, stay).sort(dim=-1).values
    ranks = torch.arange(stay, device=tokens.device).expand(tokens.shape[0], -1)
    target = torch.full_like(order, -1).scatter(1, kept, ranks)
    owner = torch.where(patches.owner < 0, -1, target.gather(1, patches.owner.clamp(min=0)))
    return _gather(tokens, kept), Patches(owner, patches.size.narrow(1, 0, stay), patches.restore(tokens))


class ReducingBlock(Block):
    """A block that gives up tokens between its attention and its MLP, with the same parameters.

    (B, P + n, D) and where the patches are → fewer tokens, weights of those that entered on request,
    and where the patches are now. The P prefix tokens always stay.
    """

    def forward(  # type: ignore[override]
        self, x: Tensor, patches: Patches, reduction: TokenReduction, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None, Patches]:
        num_patches = patches.size.shape[1]
        num_prefix = x.shape[1] - num_patches
        query, key, value = self.attn.project(self.norm1(x)).unbind(0)
        # A token of many patches counts as that many keys.
        bias = (
            F.pad(patches.size.log(), (num_prefix, 0))[:, None, None] if reduction.kind == "merge" else None
        )
        attended, weights = attend(query, key, value, need_weights, bias)
        x = x + self.drop_path(self.ls1(self.attn.proj(attended)))
        prefix, tokens = x[:, :num_prefix], x[:, num_prefix:]
        count = reduction.count(patches.owner.shape[1])
        if reduction.kind == "merge":
            tokens, patches = merge(tokens, key.mean(dim=1)[:, num_prefix:], patches, count)
        else:
            logits = (query[:, :, :1] @ key.transpose(-2, -1)) * query.shape[-1] ** -0.5
            scores = logits.softmax(dim=-1).mean(dim=1)[:, 0, num_prefix:]
            tokens, patches = prune(tokens, scores, patches, count)
        x = torch.cat([prefix, tokens], dim=1)
        return x + self.drop_path(self.ls2(self.mlp(self.norm2(x)))), weights, patches
