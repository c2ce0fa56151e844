"""Token reduction: fewer patch tokens from block to block of a plain ViT.

Similar tokens are merged (ToMe, Bolya et al. 2023), or those that the class token attends to least are
pruned (EViT, Liang et al. 2022). At the end there is a token for every patch again, so that any head fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from vit_perception.layers.attention import attend
from vit_perception.layers.block import Block
from vit_perception.layers.checks import check_numbers

KINDS = ("merge", "prune")


@dataclass(frozen=True)
class TokenReduction:
    """How many tokens a block removes, and how.

    Attributes:
        kind: `merge` or `prune`.
        rate: share of the image's patches that each block removes, above 0: after twelve blocks at 0.04,
            52 % are left. A block can merge at most half of its tokens, so that rate · (blocks + 1) must
            not exceed 1.
    """

    kind: str = "merge"
    rate: float = 0.05

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown token reduction {self.kind!r}: choose from {', '.join(KINDS)}")
        check_numbers(self, "rate")

    def count(self, patches: int) -> int:
        """How many of an image's patches each block removes. The rate counts in whole thousandths, so that
        an exported graph can compute this in integers."""
        return patches * round(self.rate * 1000) // 1000

    def check(self, blocks: int) -> None:
        """Check that so many blocks can each remove this rate.

        Raises:
            ValueError: they cannot.
        """
        if self.rate * (blocks + 1) > 1.0:
            raise ValueError(
                f"{blocks} blocks cannot each give up {self.rate} of the patches: rate must be at most "
                f"{1 / (blocks + 1):.3f}"
            )


class Patches(NamedTuple):
    """Which of the n remaining tokens stands for each of the N patches of the image.

    Attributes:
        owner: (B, N) int64, index of the token that contains the patch, -1 if it was pruned.
        size: (B, n), number of patches in each token.
        left: (B, N, D), the token of a pruned patch as it was when it was removed; (B, N, 0) when merging.
    """

    owner: Tensor
    size: Tensor
    left: Tensor

    def restore(self, tokens: Tensor) -> Tensor:
        """Tokens (B, n, D) → a token for each patch of the image (B, N, D)."""
        held = _gather(tokens, self.owner.clamp(min=0))
        return torch.where(self.owner.unsqueeze(-1) < 0, self.left, held) if self.left.shape[-1] else held

    def pool(self, values: Tensor) -> Tensor:
        """Values of patches (B, N, C) → their sums over the patches of each token (B, n, C)."""
        values = values * (self.owner >= 0).unsqueeze(-1)
        sums = values.new_zeros(values.shape[0], self.size.shape[1], values.shape[-1])
        return sums.scatter_add(1, _index(self.owner.clamp(min=0), values), values)

    def share(self, values: Tensor) -> Tensor:
        """Values of tokens (B, n, C) → equal shares for the patches of each (B, N, C), 0 for pruned ones."""
        shares = _gather(values / self.size.unsqueeze(-1), self.owner.clamp(min=0))
        return shares * (self.owner >= 0).unsqueeze(-1)


def whole(tokens: Tensor, reduction: TokenReduction) -> Patches:
    """The state before the first block: each of the tokens (B, N, D) is one patch."""
    batch, count, _ = tokens.shape
    owner = torch.arange(count, device=tokens.device).expand(batch, -1)
    left = tokens if reduction.kind == "prune" else tokens[..., :0]
    return Patches(owner, tokens.new_ones(batch, count), left)


def _index(owner: Tensor, like: Tensor) -> Tensor:
    return owner.unsqueeze(-1).expand(-1, -1, like.shape[-1])


def _gather(tokens: Tensor, owner: Tensor) -> Tensor:
    return tokens.gather(1, _index(owner, tokens))


def merge(tokens: Tensor, metric: Tensor, patches: Patches, count: int) -> tuple[Tensor, Patches]:
    """Merge the `count` most similar pairs of tokens into their mean, weighted by size.

    Bipartite soft matching: every second token is paired with its most similar one among the others, and
    the most similar pairs are merged. A single token stays as it is.

    Args:
        tokens: (B, n, D).
        metric: (B, n, d), by whose cosine tokens are compared; ToMe takes the keys of the attention.
        patches: the patches of the tokens.
        count: how many tokens to remove.

    Returns:
        The remaining tokens (B, n - count, D), and their patches.
    """
    number = tokens.shape[1]
    if number < 2:
        return tokens, patches
    metric = F.normalize(metric, dim=-1)
    best, partner = (metric[:, ::2] @ metric[:, 1::2].transpose(1, 2)).max(dim=-1)
    order = best.argsort(dim=-1, descending=True)
    stay = best.shape[1] - count
    # The new index of each token of the first half: its own, or its partner's. Tokens that stay keep their
    # order; otherwise the last digit of a similarity would decide the pairs of the next block.
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
    """Remove the `count` tokens of (B, n, D) with the lowest `scores` (B, n).

    Returns:
        The remaining tokens (B, n - count, D) in their order, and their patches; removed patches keep their
        last token in `Patches.left`.
    """
    order = scores.argsort(dim=-1, descending=True)
    stay = tokens.shape[1] - count
    kept = order.narrow(1, 0, stay).sort(dim=-1).values
    ranks = torch.arange(stay, device=tokens.device).expand(tokens.shape[0], -1)
    target = torch.full_like(order, -1).scatter(1, kept, ranks)
    owner = torch.where(patches.owner < 0, -1, target.gather(1, patches.owner.clamp(min=0)))
    return _gather(tokens, kept), Patches(owner, patches.size.narrow(1, 0, stay), patches.restore(tokens))


class ReducingBlock(Block):
    """A block that removes patch tokens between its attention and its MLP; same parameters as Block."""

    def forward(  # type: ignore[override]
        self, x: Tensor, patches: Patches, reduction: TokenReduction, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None, Patches]:
        """Encode and reduce.

        Args:
            x: (B, P + n, D); the P prefix tokens always stay.
            patches: the patches of the n tokens.
            reduction: how many tokens to remove, and how.
            need_weights: return the attention weights.

        Returns:
            The remaining tokens, the weights (B, heads, P + n, P + n) of all that entered or None, and the
            patches of the remaining tokens.
        """
        num_patches = patches.size.shape[1]
        num_prefix = x.shape[1] - num_patches
        query, key, value = self.attn.project(self.norm1(x)).unbind(0)
        # A token of several patches counts as that many keys (ToMe's proportional attention).
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
