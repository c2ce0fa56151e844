"""How a model is trained, as data: one frozen config that checks itself, read from YAML and written to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from vit_perception.layers.checks import (
    check_counts,
    check_flags,
    check_numbers,
    check_probability,
    check_weights,
    is_count,
    is_number,
)
from vit_perception.training.distillation import Distillation
from vit_perception.training.learning_rate import LearningRate
from vit_perception.training.navigation.config import NavigationTraining


@dataclass(frozen=True)
class LossWeights:
    """What each part counts for in the loss; 0 leaves a part out.

    Attributes:
        boxes: generalised IoU of the boxes.
        scores: varifocal loss of the boxes' classes.
        dense: scores and boxes of dense labels.
        mask: cross-entropy of the pixels' classes.
        mask_groups: the same of their coarse groups, where the labels have any.
        dice: overlap of the masks.
        present: which classes are in the picture.
        distilled: the same, of the distillation token.
        action: the way to go.
        blocked: whether the way ahead is blocked.

    Raises:
        ValueError: a weight is negative or not a number.
    """

    boxes: float = 2.0
    scores: float = 0.5
    dense: float = 1.0
    mask: float = 1.0
    mask_groups: float = 1.0
    dice: float = 0.5
    present: float = 0.5
    distilled: float = 0.5
    action: float = 0.2
    blocked: float = 0.2

    def __post_init__(self) -> None:
        check_weights(self)


@dataclass(frozen=True)
class Augmentation:
    """How strongly pictures are changed.

    Attributes:
        zoom: smallest and largest scale of a picture, relative to that at which it just fits.
        stretch: largest change of the aspect ratio, as a natural logarithm; 0 for none.
        mirror: share of the pictures that are mirrored, in [0, 1).
        mosaic: share of the pictures that are made of several, in [0, 1).
        mosaic_sides: fewest and most rows of pictures in these, and as many columns; 2 or more.
        paste: share of the pictures into which objects of another are pasted, in [0, 1).
        colour: strength of the changes of brightness, contrast, saturation and hue; 1 is strong, 0 is none.

    Raises:
        ValueError: a value is out of its range.
    """

    zoom: tuple[float, float] = (0.6, 2.0)
    stretch: float = 0.2
    mirror: float = 0.5
    mosaic: float = 0.25
    mosaic_sides: tuple[int, int] = (2, 2)
    paste: float = 0.5
    colour: float = 1.0

    def __post_init__(self) -> None:
        _set_range(self, "zoom")
        _set_range(self, "mosaic_sides")
        if not all(is_count(side) and side >= 2 for side in self.mosaic_sides):
            raise ValueError(f"mosaic_sides must be whole numbers from 2 on, not {self.mosaic_sides!r}")
        for name in ("mirror", "mosaic", "paste"):
            check_probability(self, name)
        for name in ("stretch", "colour"):
            value = getattr(self, name)
            if not is_number(value) or not 0 <= value <= 1:
                raise ValueError(f"{name} must be a number in [0, 1], not {value!r}")


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained.

    Attributes:
        steps: optimiser steps from the start to the end of the learning-rate schedule.
        minutes: the schedule ends by then, if the steps take longer; None for no limit. A run with a limit
            depends on the speed of the machine: only one without can be repeated exactly.
        batch_size: pictures that go through the model together, in each process.
        accumulation: batches whose gradients are added up for one step.
        learning_rate: peak rates of the heads and the backbone, layer decay, warm-up, weight decay.
        frozen: modules of the model that stay as they are, such as `backbone.blocks.0`; the lowest ones save
            the most time, because no gradient has to reach them.
        weights: beginning of pictures' names, such as `coco128/` of a dataset's folder among several → how
            much more often they are drawn.
        ema_decay: share of itself that the exponential mean of parameters and buffers keeps at each step, in
            [0, 1). Early in a run it keeps less.
        clip: largest norm of the gradient; a longer one is scaled down.
        bf16: whether the forward pass computes in bfloat16.
        checkpointing: whether activations inside the backbone's blocks are computed again in the backward
            pass instead of stored: less memory, more time.
        dropout: whether the model's dropout and drop path act.
        validate_every: steps between validations on the pictures that choose, and between saves.
        patience: validations without a better one after which training stops; 0 for never.
        start_share: share of the weights that the student began with in the model that is published, 0 to 1;
            only for a student that is a model of ours with the same labels. See `training/between.py`.
        scales: smallest and largest size of the pictures, in input sizes of the card. Each step draws its
            own, so that one model serves every size that a robot has time for (as in FlexiViT, Beyer et
            al. 2023).
        input_sizes: (height, width) choices of the card, in pixels; None for those of the student.
        augmentation: how strongly pictures are changed.
        losses: what each part of the loss counts for.
        distillation: what is learned from another model beside the labels; None for nothing.
        navigation: trains a navigator on frames of drives, and leaves all else of the student as it is; None
            trains the student on labels.
        held_out: share of the pictures in each of the three held-out parts, which choose, calibrate and
            report; in (0, 1/3).
        seed: of everything random.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    steps: int = 2400
    minutes: float | None = None
    batch_size: int = 8
    accumulation: int = 1
    learning_rate: LearningRate = field(default_factory=LearningRate)
    frozen: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    ema_decay: float = 0.998
    clip: float = 5.0
    bf16: bool = True
    checkpointing: bool = False
    dropout: bool = True
    validate_every: int = 100
    patience: int = 0
    start_share: float = 0.0
    scales: tuple[float, float] = (0.75, 2.25)
    input_sizes: tuple[tuple[int, int], ...] | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    losses: LossWeights = field(default_factory=LossWeights)
    distillation: Distillation | None = None
    navigation: NavigationTraining | None = None
    held_out: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, kind in _NESTED.items():
            value = getattr(self, name)
            if isinstance(value, Mapping):
                object.__setattr__(self, name, _nested(kind, value, name))
            elif not isinstance(value, kind) and (value is not None or name not in _OPTIONAL):
                raise ValueError(f"{name} must be a mapping of {_names(kind)}, not {value!r}")
        check_counts(self, "steps", "batch_size", "accumulation", "validate_every")
        check_counts(self, "patience", "seed", least=0)
        if self.minutes is not None:
            check_numbers(self, "minutes")
        check_probability(self, "ema_decay")
        check_probability(self, "start_share")
        check_numbers(self, "clip")
        check_numbers(self, "held_out", high=1 / 3)
        check_flags(self, "bf16", "checkpointing", "dropout")
        if not isinstance(self.frozen, list | tuple) or not all(
            isinstance(each, str) for each in self.frozen
        ):
            raise ValueError(f"frozen must be a list of names of modules, not {self.frozen!r}")
        object.__setattr__(self, "frozen", tuple(self.frozen))
        if not isinstance(self.weights, Mapping) or not all(
            is_number(weight) and weight > 0 for weight in self.weights.values()
        ):
            raise ValueError(
                f"weights must map beginnings of names to positive numbers, not {self.weights!r}"
            )
        _set_range(self, "scales")
        if self.input_sizes is not None:
            _set_sizes(self)

    def progress(self, steps: int, minutes: float) -> float:
        """Share of the run, 0 to 1, that is done after so many steps and minutes."""
        by_time = minutes / self.minutes if self.minutes else 0.0
        return min(max(steps / self.steps, by_time), 1.0)


_NESTED: dict[str, type[Any]] = {
    "learning_rate": LearningRate,
    "augmentation": Augmentation,
    "losses": LossWeights,
    "distillation": Distillation,
    "navigation": NavigationTraining,
}
_OPTIONAL = ("distillation", "navigation")


def _set_range(config: Any, name: str) -> None:
    """Make the field a tuple; ValueError unless it is two positive numbers, the smaller one first."""
    value = getattr(config, name)
    right = isinstance(value, list | tuple) and len(value) == 2 and all(map(is_number, value))
    if not right or not 0 < value[0] <= value[1]:
        raise ValueError(f"{name} must be two positive numbers, the smaller one first, not {value!r}")
    object.__setattr__(config, name, tuple(value))


def _set_sizes(config: Any) -> None:
    """Make `input_sizes` tuples; ValueError unless it is a list of positive whole [height, width]."""
    sizes = config.input_sizes
    right = isinstance(sizes, list | tuple) and bool(sizes)
    if not right or not all(
        isinstance(size, list | tuple) and len(size) == 2 and all(map(is_count, size)) for size in sizes
    ):
        raise ValueError(f"input_sizes must be a list of [height, width] in pixels, not {sizes!r}")
    object.__setattr__(config, "input_sizes", tuple(map(tuple, sizes)))


def _names(kind: type[Any]) -> str:
    return ", ".join(each.name for each in dataclasses.fields(kind))


def _build(kind: type[Any], fields: Mapping[Any, Any]) -> Any:
    """The dataclass with these fields; ValueError that names a field that it does not have."""
    if unknown := sorted(map(str, fields.keys() - {each.name for each in dataclasses.fields(kind)})):
        raise ValueError(f"{unknown[0]} is unknown: choose from {_names(kind)}")
    return kind(**fields)


def _nested(kind: type[Any], fields: Mapping[Any, Any], name: str) -> Any:
    try:
        return _build(kind, fields)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def read_config(path: Path) -> TrainingConfig:
    """The config in a YAML file; fields that it does not name have their defaults.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not YAML, or a field is unknown or wrong; the message names file and field.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no training config at {path}: give a YAML file")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not YAML: {error}") from error
    if not isinstance(content, dict | None):
        raise ValueError(f"{path} must be a mapping of fields, not {type(content).__name__}")
    try:
        config: TrainingConfig = _build(TrainingConfig, content or {})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return config


def write_config(config: TrainingConfig, path: Path) -> None:
    """Write all fields, as `read_config` reads them."""
    path.write_text(yaml.safe_dump(_plain(dataclasses.asdict(config)), sort_keys=False), encoding="utf-8")


def _plain(value: Any) -> Any:
    """Tuples as lists, which YAML has."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, tuple) else value
