"""What every public model becomes: a module that takes our inputs and gives our raw outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class Facts:
    """What a checkpoint's own files say of it; the fields of a card, in YAML's types.

    task: what it is called in errors, as `detection`. labels, things, trained, thresholds, recipe, decoding,
    open_vocabulary: as in `runtime.card.Card`. mean, std: of RGB in 0..1. divisor: of the sides of an input
    (1 where its recipe gives one size alone). input_sizes: what its recipe makes of frames of 4:3, 16:9 and
    3:4 (no two alike).
    """

    task: str
    labels: tuple[str, ...]
    trained: tuple[str, ...]
    recipe: tuple[Mapping[str, Any], ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    things: tuple[int, ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    decoding: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    open_vocabulary: bool = False


class PublicModel(nn.Module):
    """Images (B, 3, H, W), normalised, → named raw outputs (see `runtime.raw_outputs`).

    inputs: names of further inputs: `content`, and the arrays that `encode` gives; free_axes: which of their
    axes vary, and of the outputs' with them, by name, each with a name for it. outputs: names of what
    `forward` gives with `attention=True`; without it, `attention` is left out. The library's own model is
    `self.model`, so that its tensors keep their names.
    """

    inputs: tuple[str, ...] = ()
    free_axes: Mapping[str, Mapping[int, str]] = MappingProxyType({})
    outputs: tuple[str, ...]

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor, attention: bool = False, **extra: Tensor) -> dict[str, Tensor]:
        raise NotImplementedError

    def encode(self, prompts: Sequence[str]) -> dict[str, Tensor]:
        """Values of the text inputs for these prompts; of models with an open vocabulary alone."""
        raise NotImplementedError(f"{type(self).__name__} takes no prompts")
