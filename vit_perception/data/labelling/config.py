"""How the results of teachers become labels: one record that checks itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Thresholds:
    """Which fused scores are a label.

    Attributes:
        accept: from this score on, 0..1, a box is an object.
        reject: below this score there is no object. What lies between is an ignored box.

    Raises:
        ValueError: a value is not of this form.
    """

    accept: float = 0.4
    reject: float = 0.15

    def __post_init__(self) -> None:
        _check_fractions("threshold", self.reject, self.accept)
        if self.reject > self.accept:
            raise ValueError(
                f"thresholds are reject {self.reject:g} and accept {self.accept:g}: reject is the lower one"
            )


@dataclass(frozen=True)
class LabellingConfig:
    """How boxes are fused and masks composed.

    Attributes:
        thresholds: of classes that `by_class` does not name.
        by_class: thresholds of a class, by its name or alias in the label space.
        weights: of the boxes of a teacher by its name, over 0; 1 for those that are missing.
        fusion_iou: boxes of a class that overlap by more are one object, 0..1.
        confusion_iou: of two objects of different classes that overlap by more, the lower score is ignored.
        mirror: whether detectors see the mirrored picture, too, which doubles their time.
        tiles: names of the detectors that see nine overlapping parts of each picture, too, and so smaller
            things; they take ten times as long.
        ellipses: whether a box is filled in the mask, as an ellipse, where no teacher has a better mask.
        dense: whether the dense labels of the first teacher that has some are kept.
        mask_confidence: a pixel with less, 0..1, is unlabelled where a teacher gives confidences.

    Raises:
        ValueError: a value is not of this form; the message names it.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    by_class: Mapping[str, Thresholds] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    fusion_iou: float = 0.55
    confusion_iou: float = 0.8
    mirror: bool = False
    tiles: tuple[str, ...] = ()
    ellipses: bool = True
    dense: bool = False
    mask_confidence: float = 0.5

    def __post_init__(self) -> None:
        for name in ("fusion_iou", "confusion_iou", "mask_confidence"):
            _check_fractions(name, getattr(self, name))
        for name in ("mirror", "ellipses", "dense"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is {getattr(self, name)!r}: give true or false")
        if not isinstance(self.tiles, list | tuple) or not all(isinstance(each, str) for each in self.tiles):
            raise ValueError(f"tiles are {self.tiles!r}: give a list of names of teachers")
        object.__setattr__(self, "tiles", tuple(self.tiles))
        if not isinstance(self.thresholds, Thresholds) or not all(
            isinstance(value, Thresholds) for value in self.by_class.values()
        ):
            raise ValueError("thresholds are mappings with accept and reject")
        for name, weight in self.weights.items():
            if not _is_number(weight) or weight <= 0:
                raise ValueError(f"the weight of {name} is {weight!r}: give a number over 0")

    def as_yaml(self) -> dict[str, Any]:
        """What `read_config` reads."""
        return {**asdict(self), "tiles": list(self.tiles)}


def read_config(path: Path) -> LabellingConfig:
    """The configuration in a YAML file, a mapping with fields of `LabellingConfig`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not of this form; the message begins with the path and is one sentence.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        known = {field.name for field in fields(LabellingConfig)}
        values = _mapping("the configuration", content, known)
        for name in ("by_class", "weights"):
            _mapping(name, values.get(name, {}))
        if "thresholds" in values:
            values["thresholds"] = _thresholds("thresholds", values["thresholds"])
        if "by_class" in values:
            values["by_class"] = {
                name: _thresholds(f"by_class.{name}", each) for name, each in values["by_class"].items()
            }
        return LabellingConfig(**values)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _thresholds(what: str, content: object) -> Thresholds:
    return Thresholds(**_mapping(what, content, {"accept", "reject"}))


def _mapping(what: str, content: object, known: set[str] | None = None) -> dict[str, Any]:
    if not isinstance(content, Mapping):
        raise ValueError(f"{what} is no mapping")
    if known and (unknown := sorted(map(str, set(content) - known))):
        raise ValueError(f"{what} has an unknown field {unknown[0]}: there are {', '.join(sorted(known))}")
    return dict(content)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _check_fractions(name: str, *values: object) -> None:
    for value in values:
        if not _is_number(value) or not 0 <= float(str(value)) <= 1:
            raise ValueError(f"{name} is {value!r}: give a number from 0 to 1")
