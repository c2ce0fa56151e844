"""The card of a public checkpoint: how to prepare an image for it, where it is published, and its licence."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vit_perception.backbones.registry import VARIANTS
from vit_perception.layers.checks import is_count, is_number
from vit_perception.layers.pos_embed import PosInterpolation

INTERPOLATIONS = ("bicubic", "bilinear")


@dataclass(frozen=True)
class BackboneCard:
    """The card of a checkpoint. No field has a default.

    Attributes:
        name: in the catalogue.
        architecture: a key of `registry.VARIANTS`.
        url: address of the file, or `hf://OWNER/NAME` for a repository on the Hugging Face hub.
        input_size: height and width in pixels of the images that it was trained on.
        mean: of each RGB channel, in 0…1; subtracted from the image.
        std: standard deviation of each RGB channel, in 0…1; divides the image after that.
        crop_pct: side of the centre crop, which is `input_size`, over the side of the resized image, in
            (0, 1].
        interpolation: with which the image is resized, `bicubic` or `bilinear`.
        norm_eps: epsilon of LayerNorm (of BatchNorm, in a backbone without LayerNorm), in (0, 1).
        pos_interpolation: how its source resamples the position embedding; None without an absolute one.
        license: of the weights, as an SPDX identifier.

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
        for name in ("input_size", "mean", "std"):
            if isinstance(value := getattr(self, name), list):
                object.__setattr__(self, name, tuple(value))
        for reason in self._faults():
            raise ValueError(f"card {self.name}: {reason}")

    def _faults(self) -> Iterator[str]:
        """What is wrong in it, a sentence for each fault."""
        for name in ("name", "url", "license"):
            if not isinstance(value := getattr(self, name), str):
                yield f"{name} must be text, not {value!r}"
            elif not value:
                yield f"{name} is empty"
        if self.architecture not in VARIANTS:
            yield f"unknown architecture {self.architecture!r}"
        for name in ("input_size", "mean", "std"):
            if not isinstance(value := getattr(self, name), tuple) or not all(map(is_number, value)):
                yield f"{name} must be a list of numbers, not {value!r}"
        if len(self.input_size) != 2 or not all(map(is_count, self.input_size)):
            yield f"input_size {self.input_size} is not a height and a width"
        if len(self.mean) != len(self.std) or not self.mean or min(self.std) <= 0:
            yield f"mean {self.mean} and std {self.std} do not fit"
        if not is_number(self.crop_pct) or not 0.0 < self.crop_pct <= 1.0:
            yield f"crop_pct {self.crop_pct} is not in (0, 1]"
        if self.interpolation not in INTERPOLATIONS:
            yield f"interpolation {self.interpolation!r} is not one of {', '.join(INTERPOLATIONS)}"
        if not is_number(self.norm_eps) or not 0.0 < self.norm_eps < 1.0:
            yield f"norm_eps {self.norm_eps} is not in (0, 1)"
        if not isinstance(self.pos_interpolation, PosInterpolation | None):
            yield f"pos_interpolation must be a PosInterpolation or None, not {self.pos_interpolation!r}"


def make_card(name: str, fields: Mapping[str, Any]) -> BackboneCard:
    """Make a card from the fields in a YAML file.

    Args:
        name: in the catalogue.
        fields: all other fields of BackboneCard; `pos_interpolation` is a mapping of its fields, or None.

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
