"""The interface of all backbones, which is all that heads know of them."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vit_perception.backbones.features import Intermediates, TokenFeatures


@dataclass(frozen=True)
class FeatureInfo:
    """A layer whose feature map can be requested: a block of a plain ViT, a stage of a hierarchical backbone.

    Attributes:
        channels: C of its map (B, C, h, w).
        stride: input pixels for each cell of its map, in both directions.
    """

    channels: int
    stride: int


@contextlib.contextmanager
def _frozen_statistics(block: nn.Module) -> Iterator[None]:
    """Keep batch norms from counting a batch twice while checkpointing computes their block again."""
    norms = [part for part in block.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    kept = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, counted) in zip(norms, kept, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, counted


class Backbone(nn.Module):
    """Image (B, in_chans, H, W) → TokenFeatures.

    Attributes:
        in_chans: channels of the image.
        embed_dim: D, channels of the final tokens.
        num_heads: attention heads of the last block.
        head_dim: channels of each head where some heads were pruned; None for `embed_dim / num_heads`.
        num_prefix: P, tokens before the first patch token: class and distillation token, registers.
        size_divisor: H and W must be multiples of it, in pixels; 1 for any size.
        num_blocks: blocks whose attention can be requested.
        feature_info: the layers whose maps can be requested, from fine to coarse.
        neck_layers: those of them that are the neck of a PicoDet, whose head reads them; empty without one.
        distilled: whether the second prefix token is a distillation token.
        first_conv: name of the parameter that is applied to the image's channels.
        checkpointing: in training, do not store the activations inside blocks but compute them again in the
            backward pass (Chen et al. 2016): same outputs and gradients, less memory, about a third more
            time.
    """

    in_chans: int
    embed_dim: int
    num_heads: int
    head_dim: int | None = None
    num_prefix: int = 0
    size_divisor: int = 1
    num_blocks: int
    feature_info: tuple[FeatureInfo, ...]
    neck_layers: tuple[int, ...] = ()
    distilled: bool = False
    first_conv: str = "patch_embed.proj.weight"
    checkpointing: bool = False

    @abstractmethod
    def forward(
        self, image: Tensor, layers: Sequence[int] = (), attention_layers: Sequence[int] = ()
    ) -> TokenFeatures:
        """Encode images.

        Args:
            image: (B, in_chans, H, W), normalised as the weights need it.
            layers: indices into `feature_info` of the maps to return; negative ones count from the end.
            attention_layers: indices of the blocks whose attention to return; negative ones count from the
                end.

        Raises:
            ValueError: an index is out of range, or the image has the wrong channels or size.
        """

    @property
    def stride(self) -> int:
        """Input pixels for each patch token, in both directions."""
        return self.feature_info[-1].stride

    def run_block(self, block: nn.Module, *arguments: Any) -> Any:
        """Return `block(*arguments)`, checkpointed if `checkpointing` is on and gradients are needed."""
        if self.checkpointing and self.training and torch.is_grad_enabled():
            return checkpoint(
                block,
                *arguments,
                use_reentrant=False,
                context_fn=lambda: (contextlib.nullcontext(), _frozen_statistics(block)),
            )
        return block(*arguments)

    def _intermediates(
        self, image: Tensor, layers: Sequence[int], attention_layers: Sequence[int]
    ) -> Intermediates:
        """Check the arguments of `forward`, and resolve negative indices."""
        kept = Intermediates(
            self._indices(layers, len(self.feature_info), "layer"),
            self._indices(attention_layers, self.num_blocks, "block"),
        )
        self._check_image(image)
        return kept

    def _indices(self, indices: Sequence[int], count: int, kind: str) -> frozenset[int]:
        for index in indices:
            if not -count <= index < count:
                raise ValueError(f"{kind} {index} does not exist: this {type(self).__name__} has {count}")
        return frozenset(index % count for index in indices)

    def _check_image(self, image: Tensor) -> None:
        if image.ndim != 4 or image.shape[1] != self.in_chans:
            raise ValueError(f"image has shape {tuple(image.shape)}, not (B, {self.in_chans}, H, W)")
        height, width = image.shape[-2:]
        if height % self.size_divisor or width % self.size_divisor:
            raise ValueError(
                f"image {height}x{width} is not divisible by {self.size_divisor}: resize or pad it"
            )
