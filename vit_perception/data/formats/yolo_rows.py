"""Label files of YOLO: one object a line, its class and its place as fractions of the picture."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vit_perception.data.dataset import Fault
from vit_perception.data.formats.coco_objects import filled, paint_objects
from vit_perception.data.formats.reading import RawLabels, Report

_BOX = 4
_SCORED_BOX = 5

_Box = tuple[float, float, float, float]


def read_rows(
    path: Path, class_of: Callable[[int], int | None], size: tuple[int, int], report: Report
) -> RawLabels:
    """Boxes `class x y width height [score]` and polygons `class x1 y1 x2 y2 x3 y3 …` of a picture.

    Args:
        path: of the file; if there is none, there is no object.
        class_of: the number in the file → class id; None: unknown.
        size: (height, width) of the picture.
        report: for lines that are wrong, which are left out.
    """
    raw = RawLabels(path)
    masks: list[np.ndarray | None] = []
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    except UnicodeDecodeError:
        report(Fault(path, None, "this is not text: export the labels again"))
        return raw
    for line, row in enumerate(text.splitlines(), start=1):
        if not row.strip():
            continue
        try:
            number, values = _numbers(row)
            class_id = class_of(number)
            if class_id is None:
                raise ValueError(f"there is no class {number}: correct it, or add its name")
            box, mask = _box(values, size) if len(values) <= _SCORED_BOX else _polygon(values, size)
        except ValueError as error:
            report(Fault(path, line, str(error)))
            continue
        raw.add(box, class_id, line, values[_BOX] if len(values) == _SCORED_BOX else 1.0)
        masks.append(mask)
    paint_objects(raw, masks, size)
    return raw


def _numbers(row: str) -> tuple[int, list[float]]:
    """Class and coordinates of a line.

    Raises:
        ValueError: it is not of that form.
    """
    try:
        first, *values = map(float, row.split())
    except ValueError:
        raise ValueError(f"{row.strip()!r} is not a line of numbers") from None
    if not all(map(math.isfinite, (first, *values))) or first != int(first):
        raise ValueError(f"{row.strip()!r} has a class or a coordinate that is no number")
    if len(values) not in (_BOX, _SCORED_BOX) and (len(values) < 6 or len(values) % 2):
        raise ValueError(
            f"a line has {len(values) + 1} numbers: give a class and x, y, width and height, or a polygon"
        )
    return int(first), values


def _box(values: list[float], size: tuple[int, int]) -> tuple[_Box, None]:
    """A box in pixels, which has no mask."""
    height, width = size
    x, y, w, h = values[:_BOX]
    box = (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height
    return box, None


def _polygon(values: list[float], size: tuple[int, int]) -> tuple[_Box, np.ndarray]:
    """The box around a polygon in pixels, and its mask."""
    points = np.array(values, np.float64).reshape(-1, 2) * (size[1], size[0])
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return (left, top, right, bottom), filled([points.ravel().tolist()], size)
