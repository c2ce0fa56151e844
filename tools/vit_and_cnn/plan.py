"""How large the experiment is, and the one recipe of all its runs."""

from __future__ import annotations

from dataclasses import dataclass

from vit_perception.layers.checks import check_counts, check_numbers, set_counts
from vit_perception.training.learning_rate import LearningRate

# Three parts of four by twelve: all sizes are multiples of the ViT's patch.
SIZES = ((36, 48), (72, 96), (108, 144))
SIZE = SIZES[1]
GRID = (6, 8)


@dataclass(frozen=True)
class Plan:
    """How much of everything.

    Attributes:
        distances: pictures of which pre-training learns how far all is.
        train: pictures from which the way is learned.
        choose: pictures that draw the learning curve and choose the weights.
        report: pictures that give the figures.
        steps: of each run, and of each pre-training.
        batch: pictures in a step.
        validations: points of a learning curve.
        rate: peak learning rate.
        seeds: of the runs. Everything random in a run comes from its seed.

    Raises:
        ValueError: a value is out of its range, or pictures cannot be divided among the four actions.
    """

    distances: int = 4000
    train: int = 2000
    choose: int = 400
    report: int = 1200
    steps: int = 2000
    batch: int = 16
    validations: int = 20
    rate: float = 2e-3
    seeds: tuple[int, ...] = (0, 1, 2)

    def __post_init__(self) -> None:
        check_counts(self, "distances", "train", "choose", "report", "steps", "batch", "validations")
        check_numbers(self, "rate")
        set_counts(self, "seeds", least=0)
        for name in ("train", "choose", "report"):
            if getattr(self, name) % 4:
                raise ValueError(f"{name} must be a multiple of the four actions, not {getattr(self, name)}")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds must differ, not {self.seeds}")
        if self.validations > self.steps:
            raise ValueError(f"validations must be at most the {self.steps} steps, not {self.validations}")

    @property
    def learning_rate(self) -> LearningRate:
        """One peak for all parameters of either network."""
        return LearningRate(self.rate, self.rate, layer_decay=1.0, warmup=0.1)
