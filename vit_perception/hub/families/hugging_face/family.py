"""What is asked of each family of transformers' models."""

from __future__ import annotations

from typing import Protocol

from torch import nn

from vit_perception.hub.families.hugging_face.checkpoint import Checkpoint
from vit_perception.hub.public_model import Facts, PublicModel


class Family(Protocol):
    """A module such as `detection.py`. `FAMILIES` in `models.py` lists them; no class is of two.

    It may also have `ATTENTION`, the `attn_implementation` that transformers is to use; None leaves the
    choice to the library. Without it, models that give attention compute it with `eager`, as fused attention
    has no weights to give.
    """

    def handles(self, class_name: str) -> bool:
        """Whether a class of transformers, as `DetrForObjectDetection`, is of this family."""
        ...

    def facts(self, checkpoint: Checkpoint) -> Facts:
        """What the settings say, for the card.

        Raises:
            ValueError: the model is of this family but not supported; the message says why.
        """
        ...

    def wrap(self, model: nn.Module, checkpoint: Checkpoint) -> PublicModel:
        """The library's model with our inputs and our raw outputs, and ready to be traced."""
        ...
