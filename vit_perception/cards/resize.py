"""How processors resize: the new size by a rule, the pixels by a filter."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import cv2
import numpy as np

Size = tuple[int, int]  # height, width

# Pillow's numbers, which preprocessor_config.json holds.
FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
# How the sides of the new size come from the old ones, see `_target`.
RULES = ("exact", "shortest_edge", "limit", "inside", "cover", "multiple", "percent")
# Round to nearest as DETR's processors, or down as torchvision's.
ROUNDINGS = ("nearest", "down")


@dataclass(frozen=True)
class Resize:
    """A new size by a rule, the pixels by a filter.

    The rules:

    - `exact`: to `height` x `width`, whatever the aspect.
    - `shortest_edge`: the shorter side becomes `height`, the longer at most `width` (0: any length).
    - `limit`: as large as fits into `height` x `width`, rounded down.
    - `inside`: the same, rounded to the nearest.
    - `cover`: as small as covers `height` x `width`.
    - `multiple`: both sides by the factor to `height` or `width` that is nearer to one.
    - `percent`: sides become `height` and `width` hundredths of what they were.

    Attributes:
        rule: one of RULES.
        height: in pixels, or as the rule reads it.
        width: the same.
        filter: one of FILTERS.
        multiple: sides are cut down to multiples of it by `shortest_edge` and `percent`, and rounded to the
            nearest by `multiple`; the other rules leave it alone.
        keep_aspect: with `multiple`, whether both sides take the same factor.
        rounding: of the shorter side where `shortest_edge` is limited by `width`: `nearest`, as DETR's
            processors, or `down`, as torchvision's.
        smooth: `antialias`, Pillow's filters, which leave out no pixel; `gaussian`, OWLv2's blur before plain
            interpolation; `none`, plain interpolation; `corners`, the same between the centres of the corner
            pixels, as ZoeDepth has it.
        up: whether `shortest_edge` raises sides to the next multiple instead.
    """

    rule: str
    height: int
    width: int = 0
    filter: str = "bilinear"
    multiple: int = 1
    keep_aspect: bool = True
    rounding: str = "nearest"
    smooth: str = "antialias"
    up: bool = False

    def __post_init__(self) -> None:
        for name, choices in (
            ("rule", RULES),
            ("filter", tuple(FILTERS)),
            ("rounding", ROUNDINGS),
            ("smooth", tuple(_SMOOTH)),
        ):
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} {getattr(self, name)!r} is unknown: choose from {', '.join(choices)}"
                )
        if self.height < 1 or self.width < (0 if self.rule == "shortest_edge" else 1) or self.multiple < 1:
            raise ValueError(f"a resize to {self.height}x{self.width} in multiples of {self.multiple}")

    def size(self, size: Size) -> Size:
        return _target(self, size)

    def apply(self, image: np.ndarray) -> np.ndarray:
        size = self.size((image.shape[0], image.shape[1]))
        return image if size == image.shape[:2] else _SMOOTH[self.smooth](image, size, self.filter)

    def offset(self, size: Size) -> Size:
        return 0, 0

    def scaled(self, scale: float) -> Resize:
        if self.rule == "exact":
            return self
        height, width = (round(side * scale) for side in (self.height, self.width))
        least = 1 if self.rule == "percent" else self.multiple
        return dataclasses.replace(self, height=max(height, least), width=width)


def _target(rule: Resize, size: Size) -> Size:
    if rule.rule == "exact":
        return rule.height, rule.width
    if rule.rule == "shortest_edge":
        return _by_shortest_edge(rule, size)
    if rule.rule == "limit":
        scale = min(rule.height / size[0], rule.width / size[1])
        return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))
    if rule.rule in ("inside", "cover"):
        ratios = size[0] / rule.height, size[1] / rule.width
        ratio = max(ratios) if rule.rule == "inside" else min(ratios)
        return max(1, round(size[0] / ratio)), max(1, round(size[1] / ratio))
    if rule.rule == "percent":
        height, width = (
            max(side * percent // (100 * rule.multiple), 1) * rule.multiple
            for side, percent in zip(size, (rule.height, rule.width), strict=True)
        )
        return height, width
    scales = rule.height / size[0], rule.width / size[1]
    if rule.keep_aspect:
        nearer = scales[1] if abs(1 - scales[1]) < abs(1 - scales[0]) else scales[0]
        scales = nearer, nearer
    height, width = (
        max(round(scale * side / rule.multiple) * rule.multiple, rule.multiple)
        for scale, side in zip(scales, size, strict=True)
    )
    return height, width


def _by_shortest_edge(rule: Resize, size: Size) -> Size:
    """`get_size_with_aspect_ratio` of Hugging Face's DETR processors, to the digit; without a longest edge,
    torchvision's `resize` to one number."""
    short, long = min(size), max(size)
    edge: float = rule.height
    raw: float | None = None
    if rule.width and long / short * edge > rule.width:
        raw = rule.width * short / long
        edge = round(raw) if rule.rounding == "nearest" else int(raw)
    if short == edge and (rule.multiple == 1 or rule.up):
        new_short, new_long = short, long
    else:
        new_short, new_long = int(edge), int((edge if raw is None else raw) * long / short)
    by = rule.multiple
    new_short, new_long = (
        -(-side // by) * by if rule.up else max(side - side % by, by) for side in (new_short, new_long)
    )
    return (new_short, new_long) if size[0] <= size[1] else (new_long, new_short)


def _antialiased(image: np.ndarray, size: Size, filter: str) -> np.ndarray:
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(image))
    return np.asarray(picture.resize((size[1], size[0]), FILTERS[filter]))


def _after_blur(image: np.ndarray, size: Size, filter: str) -> np.ndarray:
    """scipy's `zoom` as OWLv2 was trained with: a Gaussian of half of what is lost, then interpolation."""
    factors = np.array(image.shape[:2]) / np.array(size)
    sigma = np.maximum((factors - 1) / 2, 0)
    image = image.astype(np.float32)  # rounded once, at the end
    if (sigma > 0).all():
        height, width = (2 * math.ceil(3 * s) + 1 for s in sigma)
        image = cv2.GaussianBlur(
            image, (width, height), sigmaX=sigma[1], sigmaY=sigma[0], borderType=cv2.BORDER_REFLECT_101
        )
    resized = cv2.resize(image, (size[1], size[0]), interpolation=_PLAIN[filter])
    return np.clip(np.rint(resized), 0, 255).astype(np.uint8)


def _interpolated(image: np.ndarray, size: Size, filter: str) -> np.ndarray:
    return cv2.resize(image, (size[1], size[0]), interpolation=_PLAIN[filter])


def _between_corners(image: np.ndarray, size: Size, filter: str) -> np.ndarray:
    rows, columns = (
        np.arange(new, dtype=np.float32) * ((old - 1) / max(new - 1, 1))
        for new, old in zip(size, image.shape[:2], strict=True)
    )
    x, y = np.meshgrid(columns, rows)
    return cv2.remap(image, x, y, _PLAIN[filter], borderMode=cv2.BORDER_REPLICATE)


_PLAIN = {"nearest": cv2.INTER_NEAREST, "bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}
_SMOOTH = {
    "antialias": _antialiased,
    "gaussian": _after_blur,
    "none": _interpolated,
    "corners": _between_corners,
}
