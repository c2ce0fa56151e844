"""What must be known of a public checkpoint beside its tensors: how to show it an image, and its licence."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vit_perception.backbones.registry import VARIANTS
from vit_perception.layers.pos_embed import PosInterpolation

INTERPOLATIONS = ("bicubic", "bilinear")


@dataclass(frozen=True)
class BackboneCard:
    """Card of a checkpoint; every field must be given.

    architecture: name in `registry.VARIANTS`. url: of the file, or `hf://owner/name` of a repository on
    the Hugging Face hub. input_size: height and width in pixels that it was trained at. mean, std: of
    RGB in 0…1. crop_pct: side of the centre crop of `input_size` over that of the resized image.
    interpolation: of that resize. norm_eps: of LayerNorm (BatchNorm where there is no other).
    pos_interpolation: how its source resamples positions, None without absolute ones. license: SPDX.

    Raises:
        ValueError: a value is out of its range; the message names it.
    """

    name: str
    architecture: str
    url: str
    input_size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop_pct: float
    interpolation: str
    norm_eps: float
    pos_interpolation: PosInterpolation | None
    license: str

    def __post_init__(self) -> None:
        if self.architecture not in VARIANTS:
            raise ValueError(f"card {self.name}: unknown architecture {self.architecture!r}")
        for name in ("input_size", "mean", "std"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(self.input_size) != 2 or min(self.input_size) <= 0:
            raise ValueError(f"card {self.name}: input_size {self.input_size} is not a height and a width")
        if len(self.mean) != len(self.std) or not self.mean or min(self.std) <= 0:
            raise ValueError(f"card {self.name}: mean {self.mean} and std {self.std} do not fit")
        if not 0.0 < self.crop_pct <= 1.0:
            raise ValueError(f"card {self.name}: crop_pct {self.crop_pct} is not in (0, 1]")
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(
                f"card {self.name}: interpolation {self.interpolation!r} is not one of "
                + ", ".join(INTERPOLATIONS)
            )
        if not 0.0 < self.norm_eps < 1.0:
            raise ValueError(f"card {self.name}: norm_eps {self.norm_eps} is not in (0, 1)")
        if not self.license:
            raise ValueError(f"card {self.name}: license is empty")


def make_card(name: str, fields: Mapping[str, Any]) -> BackboneCard:
    """A card from what YAML says.

    Raises:
        ValueError: a field is missing, unknown or wrong; the message names it.
    """
    expected = {field.name for field in dataclasses.fields(BackboneCard)} - {"name"}
    if missing := sorted(expected - set(fields)):
        raise ValueError(f"card {name} lacks {', '.join(missing)}")
    if unknown := sorted(set(fields) - expected):
        raise ValueError(f"card {name} has unknown fields: {', '.join(unknown)}")
    values = dict(fields)
    if values["pos_interpolation"] is not None:
        try:
            values["pos_interpolation"] = PosInterpolation(**values["pos_interpolation"])
        except TypeError as error:
            raise ValueError(f"card {name}: pos_interpolation: {error}") from error
    try:
        return BackboneCard(name=name, **values)
    except TypeError as error:
        raise ValueError(f"card {name}: {error}") from error


def read_card(path: Path) -> BackboneCard:
    """The card in a YAML file, named after it.

    Raises:
        OSError: it cannot be read. ValueError: a field is missing, unknown or wrong.
    """
    try:
        fields = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {error}") from error
    if not isinstance(fields, Mapping):
        raise ValueError(f"{path} holds no fields but {fields!r}")
    return make_card(path.stem, fields)
