"""What every public model becomes: a module that takes our inputs and gives our raw outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class Facts:
    """What a checkpoint's own files say of it, for its card.

    Attributes:
        task: what the model is made for, as `detection`; the description on the card names it.
        labels: names of the classes by id; empty with an open vocabulary.
        trained: heads that it answers, as `Card.trained` lists them.
        recipe: steps of its image processor, each a mapping as `cards.recipe.read_recipe` takes it.
        mean: of red, green and blue, in 0..1.
        std: of the same.
        things: class ids that detection gives, in the order of its score columns.
        thresholds: least score by task.
        decoding: rule by task, as `cards.rules.read_decoding` takes it.
        open_vocabulary: whether what it looks for is given in prompts.
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
    """Images (B, 3, H, W), normalised, → named raw outputs (see `cards.raw_outputs`).

    Attributes:
        inputs: names of what `forward` takes beside the image: `content`, and the arrays that `encode` gives.
        free_axes: by name of an input or output, the axes whose length varies, each with a name for it.
        outputs: names of what `forward` gives with `attention=True`; without it, `attention` is left out.
        model: the library's own model, so that its tensors keep their names.
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
        """Values of the text inputs for these prompts.

        Raises:
            NotImplementedError: the model has a vocabulary of its own.
        """
        raise NotImplementedError(f"{type(self).__name__} takes no prompts")
