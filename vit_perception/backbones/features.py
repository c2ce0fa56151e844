"""What every backbone returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor


def to_map(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """Tokens in raster order (B, h·w, C) → map (B, C, h, w)."""
    return tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], *grid)


def spread(values: Tensor, grid: tuple[int, int], finer: tuple[int, int]) -> Tensor:
    """Values of cells (B, h·w, C) → of the cells of a finer grid (B, H·W, C) that lie in them, each value
    in equal shares, so that sums stay."""
    if grid == finer:
        return values
    cells = values.reshape(values.shape[0], *grid, values.shape[-1])
    for axis, (coarse, fine) in enumerate(zip(grid, finer, strict=True), start=1):
        owner = torch.arange(fine, device=values.device) * coarse // fine
        shares = torch.bincount(owner, minlength=coarse).to(values.dtype)
        cells = cells.index_select(axis, owner) / shares[owner].reshape(-1, *[1] * (3 - axis))
    return cells.flatten(1, 2)


def of_groups(raw: Tensor, batch: int) -> Tensor:
    """Weights (B·G, heads, Q, K) of groups that were computed as a batch → (B, heads, G, Q, K)."""
    return raw.reshape(batch, -1, *raw.shape[1:]).transpose(1, 2)


def _arrange_one_group(raw: Tensor) -> Tensor:
    return raw.unsqueeze(2)


def _as_one_group(tokens: Tensor) -> Tensor:
    return tokens.unsqueeze(1)


def _from_one_group(groups: Tensor) -> Tensor:
    return groups.squeeze(1)


@dataclass(frozen=True)
class BlockAttention:
    """Attention weights of one block, over its P + gh·gw tokens in G groups that attend within themselves.

    raw: the weights as the block computed with them, so that gradients reach them; arrange: these, or
    anything of their shape, → (B, heads, G, Q, K). A plain ViT has one group of all tokens; Swin's
    windows and MobileViT's pixel positions are groups. grid: (gh, gw) of the patch tokens that enter;
    query_grid: of those that leave, coarser in a block that pools its queries. num_prefix: P, tokens
    before the first patch, the class token first. group: tokens that leave (B, P + qh·qw, C) → what each
    group's queries are (B, G, Q, C); ungroup: one value for each group's keys (B, G, K, C) → summed on
    the tokens that enter (B, P + gh·gw, C), what falls on padding dropped.
    """

    raw: Tensor
    grid: tuple[int, int]
    num_prefix: int = 0
    arrange: Callable[[Tensor], Tensor] = _arrange_one_group
    group: Callable[[Tensor], Tensor] = _as_one_group
    ungroup: Callable[[Tensor], Tensor] = _from_one_group
    query_grid: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if self.query_grid == (0, 0):
            object.__setattr__(self, "query_grid", self.grid)

    @property
    def weights(self) -> Tensor:
        """(B, heads, G, Q, K); rows sum to one."""
        return self.arrange(self.raw)

    @property
    def matrix(self) -> Tensor:
        """(B, heads, N, N) of a block that attends over all its tokens.

        Raises:
            ValueError: the block attends within groups.
        """
        weights = self.weights
        groups, queries, keys = weights.shape[2:]
        if groups != 1 or queries != keys:
            raise ValueError(
                f"this block attends in {groups} groups of {queries} queries and {keys} keys: "
                "it has no attention matrix of all its tokens"
            )
        return weights[:, :, 0]

    def spatial(self) -> Tensor:
        """(B, heads, gh, gw): what the class token reads of each patch; without a class token,
        what each patch is read by the queries of its group on average."""
        weights = self.weights
        read = weights[..., 0, :] if self.num_prefix else weights.mean(dim=3)
        return to_map(self.ungroup(read.permute(0, 2, 3, 1))[:, self.num_prefix :], self.grid)


@dataclass(frozen=True)
class TokenFeatures:
    """Tokens of a batch of images.

    cls_token: (B, D), the image in one token: the class token after the final norm, or, in a backbone
    without one, the mean of the patch tokens. prefix_tokens: (B, P, D): class token, distillation
    token, registers, as far as the backbone has them; P may be 0. patch_tokens: (B, gh·gw, D) in raster
    order. grid: (gh, gw). maps: layer index → feature map (B, C, h, w), for those asked for; channels
    and stride of each are in the backbone's `feature_info`. attention: block index → BlockAttention,
    for those asked for.
    """

    cls_token: Tensor
    prefix_tokens: Tensor
    patch_tokens: Tensor
    grid: tuple[int, int]
    maps: dict[int, Tensor] = field(default_factory=dict)
    attention: dict[int, BlockAttention] = field(default_factory=dict)
