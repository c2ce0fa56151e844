"""What a public model's own processor does with a frame, as steps that we apply: resize, crop, pad.

A card lists them in the order in which they happen. Each knows the size that it gives, the pixels, and
where the frame lies afterwards, so that answers find back to source pixels. Settings and arithmetic are
those of Hugging Face's image processors and torchvision's transforms, on bytes, with Pillow's filters.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from vit_perception.cards.resize import Resize, Size


class Step(Protocol):
    """One thing that is done to a frame; sizes are (height, width) in pixels."""

    def size(self, size: Size) -> Size:
        """The size that a picture of `size` gets."""
        ...

    def apply(self, image: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 → the same of the size above."""
        ...

    def offset(self, size: Size) -> Size:
        """Where the old top left corner lies in the new picture, in its pixels; negative if it is cut off."""
        ...

    def scaled(self, scale: float) -> Step:
        """The same for an input `scale` times as large; itself where the model takes one size alone."""
        ...


@dataclass(frozen=True)
class Crop:
    """The middle of a picture, which is padded where it is smaller.

    Attributes:
        height: of the result, in pixels.
        width: the same.
        value: red, green and blue of the padding, 0..255.
        rounding: of half a pixel in the offset: `down`, as Hugging Face's processors, or to the nearest
            `even` number, as torchvision's.
    """

    height: int
    width: int
    value: tuple[int, int, int] = (0, 0, 0)
    rounding: str = "down"

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 1:
            raise ValueError(f"a crop to {self.height}x{self.width}")
        if self.rounding not in ("down", "even"):
            raise ValueError(f"rounding {self.rounding!r} is unknown: choose from down, even")

    def size(self, size: Size) -> Size:
        return self.height, self.width

    def apply(self, image: np.ndarray) -> np.ndarray:
        top, left = self.offset((image.shape[0], image.shape[1]))
        cropped = image[max(0, -top) :, max(0, -left) :][: self.height, : self.width]
        if cropped.shape[:2] == (self.height, self.width):
            return cropped
        canvas = np.full((self.height, self.width, 3), self.value, np.uint8)
        top, left = max(0, top), max(0, left)
        canvas[top : top + cropped.shape[0], left : left + cropped.shape[1]] = cropped
        return canvas

    def offset(self, size: Size) -> Size:
        half = round if self.rounding == "even" else math.floor
        top, left = (
            (new - old) // 2 if new > old else -half((old - new) / 2)
            for new, old in zip((self.height, self.width), size, strict=True)
        )
        return top, left

    def scaled(self, scale: float) -> Crop:
        return self


@dataclass(frozen=True)
class Pad:
    """Padding below and on the right; with `reflect`, on all sides.

    Attributes:
        to: `size`, up to `height` x `width`; `multiple`, up to the next multiple of `height` and `width`;
            `square`, up to the longer side; `reflect`, ZoeDepth's 3 sqrt(side / 2) mirrored pixels a side.
        height: in pixels, where `to` reads it.
        width: the same.
        value: red, green and blue of the padding, 0..255.
    """

    to: str = "size"
    height: int = 0
    width: int = 0
    value: tuple[int, int, int] = (0, 0, 0)

    def __post_init__(self) -> None:
        if self.to not in ("size", "multiple", "square", "reflect"):
            raise ValueError(f"to {self.to!r} is unknown: choose from size, multiple, square, reflect")
        if self.to in ("size", "multiple") and min(self.height, self.width) < 1:
            raise ValueError(f"padding to {self.to} {self.height}x{self.width}")

    def size(self, size: Size) -> Size:
        if self.to == "size":
            if size[0] > self.height or size[1] > self.width:
                raise ValueError(
                    f"{size[0]}x{size[1]} does not fit the padding to {self.height}x{self.width}"
                )
            return self.height, self.width
        if self.to == "multiple":
            height, width = (
                -(-old // by) * by for old, by in zip(size, (self.height, self.width), strict=True)
            )
            return height, width
        if self.to == "square":
            return max(size), max(size)
        top, left = self.offset(size)
        return size[0] + 2 * top, size[1] + 2 * left

    def apply(self, image: np.ndarray) -> np.ndarray:
        old = (image.shape[0], image.shape[1])
        if self.to == "reflect":
            top, left = self.offset(old)
            return cv2.copyMakeBorder(image, top, top, left, left, cv2.BORDER_REFLECT_101)
        new = self.size(old)
        if new == old:
            return image
        padded = np.empty((*new, 3), np.uint8)
        padded[: old[0], : old[1]] = image
        padded[old[0] :] = padded[: old[0], old[1] :] = self.value
        return padded

    def offset(self, size: Size) -> Size:
        if self.to != "reflect":
            return 0, 0
        return int(math.sqrt(size[0] / 2) * 3), int(math.sqrt(size[1] / 2) * 3)

    def scaled(self, scale: float) -> Pad:
        return self


Recipe = tuple[Step, ...]
_STEPS: dict[str, type[Any]] = {"resize": Resize, "crop": Crop, "pad": Pad}


def read_recipe(steps: Any) -> Recipe:
    """Steps from what a card says: mappings with `do`, the kind of step, and its fields.

    Raises:
        ValueError: a step or a field of one is unknown or wrong.
    """
    if not isinstance(steps, tuple | list):
        raise ValueError(f"recipe is {steps!r}: give a list of steps")
    return tuple(_read_step(step) for step in steps)


def _read_step(step: Any) -> Step:
    if not isinstance(step, Mapping) or step.get("do") not in _STEPS:
        raise ValueError(f"recipe has {step!r}: give a mapping with do, one of {', '.join(_STEPS)}")
    fields = {name: value for name, value in step.items() if name != "do"}
    try:
        made: Step = _STEPS[step["do"]](**fields)
    except TypeError as error:
        raise ValueError(f"recipe has {dict(step)!r}: {error}") from error
    return made


def write_recipe(recipe: Recipe) -> list[dict[str, Any]]:
    """What `read_recipe` reads; fields that have their default are left out."""
    names = {kind: name for name, kind in _STEPS.items()}
    return [
        {"do": names[type(step)]}
        | {
            field.name: getattr(step, field.name)
            for field in dataclasses.fields(step)  # type: ignore[arg-type]
            if getattr(step, field.name) != field.default
        }
        for step in recipe
    ]


def is_scalable(recipe: Recipe) -> bool:
    """Whether the input may have another size."""
    return any(isinstance(step, Resize) and step.rule != "exact" for step in recipe) and not any(
        isinstance(step, Crop) or (isinstance(step, Pad) and step.to == "size") for step in recipe
    )
