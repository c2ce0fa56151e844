"""What the heads know of a backbone."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vit_perception.backbones.features import TokenFeatures


@dataclass(frozen=True)
class FeatureInfo:
    """One layer whose output can be asked for: its channels, and its stride in input pixels a cell."""

    channels: int
    stride: int


@contextlib.contextmanager
def _frozen_statistics(block: nn.Module) -> Iterator[None]:
    """While a block is computed a second time, its batch norms must not count the batch again."""
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
    """Image (B, C, H, W) → TokenFeatures.

    in_chans: C. embed_dim: width D of the tokens. num_heads: attention heads of the last block; head_dim:
    channels of each, where they do not fill the width (some were pruned). num_prefix: tokens before the
    first patch. size_divisor: H and W must be multiples of it (1: any size). distilled: the second of them
    is a distillation token. num_blocks: blocks whose attention can be asked for. feature_info: the layers
    whose maps can be asked for, shallow first: the blocks of a plain ViT, the stages of a hierarchical one.
    first_conv: the parameter that reads the image. checkpointing: in training, keep no activations inside
    blocks but compute them again backwards (Chen et al. 2016): same keys, outputs and gradients, less
    memory, about a third more time.
    """

    in_chans: int
    embed_dim: int
    num_heads: int
    head_dim: int | None = None
    num_prefix: int = 0
    size_divisor: int = 1
    num_blocks: int
    feature_info: tuple[FeatureInfo, ...]
    distilled: bool = False
    first_conv: str = "patch_embed.proj.weight"
    checkpointing: bool = False

    @abstractmethod
    def forward(
        self, image: Tensor, layers: Sequence[int] = (), attention_layers: Sequence[int] = ()
    ) -> TokenFeatures:
        """Encode; `layers` (into feature_info) and `attention_layers` (of num_blocks) are the indices
        to keep, negative from the end.

        Raises:
            ValueError: an index is out of range, or the image does not fit.
        """

    @property
    def stride(self) -> int:
        """Input pixels a patch token, in each direction."""
        return self.feature_info[-1].stride

    def run_block(self, block: nn.Module, *arguments: Any) -> Any:
        """`block(*arguments)`, checkpointed where that is asked for and there is something to save."""
        if self.checkpointing and self.training and torch.is_grad_enabled():
            return checkpoint(
                block,
                *arguments,
                use_reentrant=False,
                context_fn=lambda: (contextlib.nullcontext(), _frozen_statistics(block)),
            )
        return block(*arguments)

    def _wanted(
        self, layers: Sequence[int], attention_layers: Sequence[int]
    ) -> tuple[frozenset[int], frozenset[int]]:
        """Both sets of indices, none negative."""
        return (
            self._indices(layers, len(self.feature_info), "layer"),
            self._indices(attention_layers, self.num_blocks, "block"),
        )

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
