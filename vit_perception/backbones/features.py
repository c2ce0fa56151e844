"""What every backbone returns: tokens, feature maps, and attention on request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor


def to_map(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """Tokens in raster order (B, h·w, C) → map (B, C, h, w)."""
    return tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], *grid)


def spread(values: Tensor, grid: tuple[int, int], finer: tuple[int, int]) -> Tensor:
    """Distribute the values of a coarse grid over the cells of a finer one, in equal shares.

    Args:
        values: (B, h·w, C), of the coarse grid in raster order.
        grid: (h, w) of the coarse grid.
        finer: (H, W) of the fine grid.

    Returns:
        (B, H·W, C). The shares of the fine cells within a coarse cell add up to its value.
    """
    if grid == finer:
        return values
    cells = values.reshape(values.shape[0], *grid, values.shape[-1])
    for axis, (coarse, fine) in enumerate(zip(grid, finer, strict=True), start=1):
        owner = torch.arange(fine, device=values.device) * coarse // fine
        shares = torch.bincount(owner, minlength=coarse).to(values.dtype)
        cells = cells.index_select(axis, owner) / shares[owner].reshape(-1, *[1] * (3 - axis))
    return cells.flatten(1, 2)


def split_groups(raw: Tensor, batch: int) -> Tensor:
    """Weights (B·G, heads, Q, K) of groups that were computed as a batch → (B, heads, G, Q, K)."""
    return raw.reshape(batch, -1, *raw.shape[1:]).transpose(1, 2)


def _add_group(raw: Tensor) -> Tensor:
    """(B, heads, Q, K) → (B, heads, 1, Q, K)."""
    return raw.unsqueeze(2)


def _to_one_group(tokens: Tensor) -> Tensor:
    """(B, N, C) → (B, 1, N, C)."""
    return tokens.unsqueeze(1)


def _from_one_group(groups: Tensor) -> Tensor:
    """(B, 1, N, C) → (B, N, C)."""
    return groups.squeeze(1)


@dataclass(frozen=True)
class BlockAttention:
    """The attention weights of one block, in a form that is the same for every backbone.

    A block's tokens form G groups, and tokens attend only within their group. A plain ViT has one group of
    all its tokens; Swin's windows and MobileViT's pixel positions are groups. `group` and `ungroup` map
    between tokens and groups, so that a rollout needs to know nothing else of the architecture.

    Attributes:
        raw: the weights exactly as the block used them, in its own shape, so that gradients reach them.
        grid: (gh, gw), rows and columns of the patch tokens that enter the block.
        num_prefix: P, tokens before the first patch token; the first of them is the class token.
        arrange: maps `raw`, or a tensor of the same shape such as its gradient, to (B, heads, G, Q, K):
            for each group, a row for each of its Q queries over its K keys.
        group: maps values of the tokens that leave the block, (B, P + qh·qw, C), to values of the queries
            of each group, (B, G, Q, C).
        ungroup: maps values of the keys of each group, (B, G, K, C), to values of the tokens that enter the
            block, (B, P + gh·gw, C). Values of padding are dropped, and those of a pooled key are shared
            equally by its tokens.
        query_grid: (qh, qw), rows and columns of the patch tokens that leave the block, coarser than `grid`
            if the block pools its queries; `grid` unless given.
    """

    raw: Tensor
    grid: tuple[int, int]
    num_prefix: int = 0
    arrange: Callable[[Tensor], Tensor] = _add_group
    group: Callable[[Tensor], Tensor] = _to_one_group
    ungroup: Callable[[Tensor], Tensor] = _from_one_group
    query_grid: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if self.query_grid == (0, 0):
            object.__setattr__(self, "query_grid", self.grid)

    @property
    def weights(self) -> Tensor:
        """(B, heads, G, Q, K); each row of K keys sums to one."""
        return self.arrange(self.raw)

    def spatial(self) -> Tensor:
        """Attention to each patch, (B, heads, gh, gw): of the class token, or, in a backbone without one,
        of all queries on average."""
        weights = self.weights
        received = weights[..., 0, :] if self.num_prefix else weights.mean(dim=3)
        return to_map(self.ungroup(received.permute(0, 2, 3, 1))[:, self.num_prefix :], self.grid)


@dataclass(frozen=True)
class TokenFeatures:
    """What a backbone returns for a batch of images.

    Attributes:
        cls_token: (B, D), the whole image in one token: the class token after the final norm, or, in a
            backbone without one, the mean of the patch tokens.
        prefix_tokens: (B, P, D), the tokens before the patches: class token, distillation token and
            registers, as far as the backbone has them; P may be 0.
        patch_tokens: (B, gh·gw, D), in raster order.
        grid: (gh, gw), rows and columns of the patch tokens.
        maps: layer index → feature map (B, C, h, w), for the layers that were requested. The backbone's
            `feature_info` has the channels and the stride of each.
        attention: block index → its BlockAttention, for the blocks that were requested.
    """

    cls_token: Tensor
    prefix_tokens: Tensor
    patch_tokens: Tensor
    grid: tuple[int, int]
    maps: dict[int, Tensor] = field(default_factory=dict)
    attention: dict[int, BlockAttention] = field(default_factory=dict)


@dataclass(frozen=True)
class Intermediates:
    """What one forward pass is to keep beside its last tokens, and what it has kept so far.

    Attributes:
        layers: indices into the backbone's `feature_info` of the maps to keep, none negative.
        blocks: indices of the blocks whose attention to keep, none negative.
        maps: layer index → feature map (B, C, h, w); the forward pass adds them.
        attention: block index → BlockAttention; the forward pass adds them.
    """

    layers: frozenset[int]
    blocks: frozenset[int]
    maps: dict[int, Tensor] = field(default_factory=dict)
    attention: dict[int, BlockAttention] = field(default_factory=dict)

    def features(self, prefix_tokens: Tensor, patch_tokens: Tensor, grid: tuple[int, int]) -> TokenFeatures:
        """The features of a backbone, whose class token is the first prefix token (B, P, D); without a
        prefix token, the mean of the patch tokens (B, gh·gw, D) takes its place."""
        cls_token = prefix_tokens[:, 0] if prefix_tokens.shape[1] else patch_tokens.mean(dim=1)
        return TokenFeatures(cls_token, prefix_tokens, patch_tokens, grid, self.maps, self.attention)
