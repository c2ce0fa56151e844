"""How raw outputs are read: a rule for each task. The defaults are for models of ours."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Of segmentation, those that tell one object from the next.
INSTANCE_KINDS = ("instance", "panoptic")


def _check(rule: Any, **choices: tuple[str, ...]) -> None:
    for name, allowed in choices.items():
        if getattr(rule, name) not in allowed:
            raise ValueError(f"{name} {getattr(rule, name)!r} is unknown: choose from {', '.join(allowed)}")


def _check_temperature(value: Any) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
        raise ValueError(f"temperature is {value!r}: give a positive number")


@dataclass(frozen=True)
class ClassificationRule:
    """How class scores are read.

    Attributes:
        activation: `sigmoid`, each class by itself, or `softmax`, one class of all.
        temperature: divides the logits, so that scores are probabilities (Guo et al. 2017).
    """

    activation: str = "sigmoid"
    temperature: float = 1.0

    def __post_init__(self) -> None:
        _check(self, activation=("sigmoid", "softmax"))
        _check_temperature(self.temperature)


@dataclass(frozen=True)
class DetectionRule:
    """How boxes and their scores are read.

    Attributes:
        kind: `grid`, a sigmoid for each cell and class, then non-maximum suppression. Of the DETR family,
            whose queries need none: `softmax`, the best class of each query, the last column being none;
            `topk`, the best (query, class) pairs of sigmoids; `best`, the best sigmoid of each query.
        boxes: `pixels` of the input, `x_min, y_min, x_max, y_max`; or centre and size in 0..1 `of_frame`, the
            frame without its padding, or `of_input`, the whole input.
        limit: how many pairs `topk` takes; 0 for as many as there are queries.
        temperature: divides the log-odds of the final scores, so that they are probabilities; of a `grid`.
    """

    kind: str = "grid"
    boxes: str = "pixels"
    limit: int = 0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        _check_temperature(self.temperature)
        _check(self, kind=("grid", "softmax", "topk", "best"), boxes=("pixels", "of_frame", "of_input"))


@dataclass(frozen=True)
class SegmentationRule:
    """How masks are read.

    Attributes:
        kind: `probabilities`, softmax, then interpolation; `logits`, interpolation first, as public models
            are evaluated; of queries, each a class and a mask: `semantic`, `instance` or `panoptic`, see
            runtime/decode/queries.py.
        threshold: least score of a query.
        mask_threshold: least probability of a pixel of its mask.
        overlap_threshold: least share of its mask that a panoptic segment keeps.
        fused: class ids whose segments become one.
        through: (height, width) that masks of the whole input are interpolated to first; none if empty.
        interpolated: what is interpolated into source pixels: `probabilities`, as MaskFormer and its kin do,
            or `logits`, as EoMT.
        temperature: divides the logits, so that confidences are probabilities; not of queries.
    """

    kind: str = "probabilities"
    threshold: float = 0.5
    mask_threshold: float = 0.5
    overlap_threshold: float = 0.8
    fused: tuple[int, ...] = ()
    through: tuple[int, ...] = ()
    interpolated: str = "probabilities"
    temperature: float = 1.0

    def __post_init__(self) -> None:
        _check_temperature(self.temperature)
        kinds = ("probabilities", "logits", "semantic", "instance", "panoptic")
        _check(self, kind=kinds, interpolated=("probabilities", "logits"))
        if self.through and (len(self.through) != 2 or min(self.through) < 1):
            raise ValueError(f"through is {self.through!r}: give a height and a width")


@dataclass(frozen=True)
class DepthRule:
    """How depth is read.

    Attributes:
        metric: whether it is in metres; else it is inverse depth up to scale and shift.
        interpolation: into source pixels, `bilinear` or `bicubic`.
    """

    metric: bool = True
    interpolation: str = "bicubic"

    def __post_init__(self) -> None:
        _check(self, interpolation=("bilinear", "bicubic"))


@dataclass(frozen=True)
class Decoding:
    """The rules of a model, by task.

    Attributes:
        classification: of its class scores.
        detection: of its boxes.
        segmentation: of its masks.
        depth: of its depth.
    """

    classification: ClassificationRule = field(default_factory=ClassificationRule)
    detection: DetectionRule = field(default_factory=DetectionRule)
    segmentation: SegmentationRule = field(default_factory=SegmentationRule)
    depth: DepthRule = field(default_factory=DepthRule)


# How our own models are read.
OURS = Decoding()
_RULES = tuple(each.name for each in dataclasses.fields(Decoding))


def read_decoding(content: Any) -> Decoding:
    """Rules from what a card says: task → fields of its rule.

    Raises:
        ValueError: a task or field is unknown, or a value is.
    """
    if isinstance(content, Decoding):
        return content
    if not isinstance(content, Mapping):
        raise ValueError(f"decoding is {content!r}: give a mapping of tasks")
    if unknown := sorted(set(content) - set(_RULES)):
        raise ValueError(f"decoding has {unknown[0]!r}: choose from {', '.join(_RULES)}")
    try:
        return Decoding(**{task: type(_default(task))(**fields) for task, fields in content.items()})
    except TypeError as error:
        raise ValueError(f"decoding: {error}") from error


def write_decoding(decoding: Decoding) -> dict[str, Any]:
    """What `read_decoding` reads; what has its default is left out."""
    written = {}
    for task in _RULES:
        rule, default = getattr(decoding, task), _default(task)
        fields = {
            f.name: getattr(rule, f.name)
            for f in dataclasses.fields(rule)
            if getattr(rule, f.name) != getattr(default, f.name)
        }
        if fields:
            written[task] = fields
    return written


def _default(task: str) -> Any:
    return getattr(OURS, task)
