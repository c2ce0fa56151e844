"""How long a model is trained, on what batches, and how fast it learns."""

from __future__ import annotations

from dataclasses import dataclass, field

from vit_perception.training.learning_rate import LearningRate


@dataclass(frozen=True)
class Schedule:
    """The settings of a fine-tuning run.

    Attributes:
        steps: Optimiser steps from the start to the end of the learning-rate schedule.
        minutes: The schedule ends by then, if the steps take longer.
        batch_size: Pictures in a batch.
        learning_rate: Peaks, warm-up and weight decay.
        ema_decay: Share of itself that the exponential mean of the weights keeps at each step, from 0 to
            below 1. Early in a run it keeps less.
        scales: Smallest and largest size of the pictures, in input sizes of the card. Each batch draws its
            own, so that one model serves every size that a robot has time for (as in FlexiViT, Beyer et
            al. 2023).
        seed: Of everything random.

    Raises:
        ValueError: A value is out of its range.
    """

    steps: int = 2400
    minutes: float = float("inf")
    batch_size: int = 8
    learning_rate: LearningRate = field(default_factory=LearningRate)
    ema_decay: float = 0.998
    scales: tuple[float, float] = (0.75, 2.25)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "minutes", "batch_size"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay must be at least 0 and below 1, not {self.ema_decay}")
        smallest, largest = self.scales
        if not 0 < smallest <= largest:
            raise ValueError(f"scales must be positive, the smaller one first, not {self.scales}")

    def progress(self, steps: int, minutes: float) -> float:
        """Share of the run, 0 to 1, that is done after so many steps and minutes."""
        return min(max(steps / self.steps, minutes / self.minutes), 1.0)
