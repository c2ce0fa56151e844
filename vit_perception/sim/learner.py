"""A navigator that learns from an expert what to do where it drives itself (DAgger, Ross et al. 2011)."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vit_perception.cards.card import CARD_FILE, load_card
from vit_perception.cards.integrity import sha256
from vit_perception.runtime.navigation_input import leads_to_a_goal
from vit_perception.runtime.predictor import Predictor
from vit_perception.tasks import NAVIGATION

# Shortest and longest stretch that one of the two drives, in seconds.
_STRETCH = 2.0, 5.0


@dataclass(frozen=True)
class Learner:
    """Which navigator drives, and how much.

    Attributes:
        model: its folder.
        share: of the time that it drives; the expert has the rest.

    Raises:
        ValueError: the model gives no path to a goal, or the share is none.
    """

    model: Path
    share: float = 0.7

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"the share that the navigator drives is {self.share}: give 0 to 1")
        if not leads_to_a_goal(load_card(self.model)):
            raise ValueError(
                f"{self.name} is no navigator: name one that gives a path to a goal; docs/training.md says "
                "how to train it"
            )

    @property
    def name(self) -> str:
        """Of the model."""
        return load_card(self.model).name

    @functools.cached_property
    def digest(self) -> str:
        """Hex SHA-256 of the model's card, which has those of its files."""
        return sha256(self.model / CARD_FILE)

    @property
    def predictor(self) -> Predictor:
        """The model in the engine that `auto` takes on a CPU; one for each process."""
        return _predictor(self.model)

    def stretches(self, rng: np.random.Generator) -> Iterator[tuple[bool, float]]:
        """Whether the learner drives, and for how many seconds; without end."""
        while True:
            yield bool(rng.random() < self.share), float(rng.uniform(*_STRETCH))


@functools.cache
def _predictor(model: Path) -> Predictor:
    return Predictor(model, device="cpu", tasks=(NAVIGATION,))


@dataclass
class Tally:
    """What came of a learner's drives. It grows.

    Attributes:
        drives: that began with their world, and so had time to arrive.
        arrived: how many of these did, with the expert's help.
        commands: how many there were.
        own: how many of these were the learner's.
        metres: that the learner drove.
        collisions: while it did.
    """

    drives: int = 0
    arrived: int = 0
    commands: int = 0
    own: int = 0
    metres: float = 0.0
    collisions: int = 0

    def add(self, other: Tally) -> None:
        """Add the drives of another."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def __str__(self) -> str:
        return (
            f"the navigator gave {self.own / max(self.commands, 1):.0%} of the commands; "
            f"{self.arrived} of {self.drives} drives arrived; "
            f"{100 * self.collisions / max(self.metres, 1.0):.1f} collisions in 100 m that it drove"
        )
