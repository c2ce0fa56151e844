"""One view of a picture by a teacher: without the bars on its sides, mirrored or not, also in parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from vit_perception.data.labelling.tiles import predict_tiled
from vit_perception.data.teachers import Prediction, Teacher
from vit_perception.runtime.results import UNLABELLED

# A bar is black or grey, as letterboxing makes it, or has ImageNet's mean colour (123, 116, 104). What is
# white is more often the sky.
_BRIGHTEST = 160
_MOST_COLOUR = 24
# By how much JPEG changes a bar.
_TOLERANCE = 12


def content_of(image: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of a picture without the bars of one colour on its sides.

    Args:
        image: (H, W, 3) uint8.
    """
    height, width = image.shape[:2]
    rows = _between_bars(image)
    if rows.stop > rows.start:
        columns = _between_bars(image[rows].transpose(1, 0, 2))
        if 8 * (rows.stop - rows.start) >= height and 8 * (columns.stop - columns.start) >= width:
            return rows, columns
    return slice(0, height), slice(0, width)  # a dark picture, not a small one between bars


def predict(
    teacher: Teacher,
    image: np.ndarray,
    content: tuple[slice, slice],
    mirrored: bool = False,
    tiled: bool = False,
) -> Prediction:
    """What a teacher finds in the content of a picture, in pixels of the picture.

    Args:
        teacher: that looks.
        image: (H, W, 3) uint8 RGB.
        content: what it is to see, from `content_of`; beside it, masks are unlabelled and depth is unknown.
        mirrored: whether it sees it mirrored; then there are no dense labels.
        tiled: whether it sees parts of it, too.
    """
    step = -1 if mirrored else 1
    seen = np.ascontiguousarray(image[content][:, ::step])
    found = predict_tiled(teacher, seen) if tiled else teacher(seen)
    boxes = found.boxes
    if mirrored:
        width = seen.shape[1]
        boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1)
    corner = np.array([content[1].start, content[0].start] * 2, np.float32)

    def placed(values: np.ndarray | None, beside: Any) -> np.ndarray | None:
        if values is None:
            return None
        whole = np.full(image.shape[:2], beside, values.dtype)
        whole[content] = values[:, ::step]
        return whole

    return Prediction(
        boxes + corner,
        found.class_ids,
        found.scores,
        placed(found.mask, UNLABELLED),
        placed(found.depth, np.nan),
        None if mirrored or found.dense is None else found.dense.moved(corner[:2]),
    )


def _between_bars(lines: np.ndarray) -> slice:
    """The lines, along the first axis, that are not a bar at either end."""
    first, last = (_bar(ordered) for ordered in (lines, lines[::-1]))
    return slice(first, max(first, len(lines) - last))


def _bar(lines: np.ndarray) -> int:
    """How many of the first lines have the colour of the first pixel, which may be that of a bar."""
    colour = lines[0, 0].astype(np.int16)
    if colour.max() > _BRIGHTEST or colour.max() - colour.min() > _MOST_COLOUR:
        return 0
    for place, line in enumerate(lines):
        if np.abs(line.astype(np.int16) - colour).max() > _TOLERANCE:
            return place
    return len(lines)
