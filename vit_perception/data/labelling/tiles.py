"""A picture seen whole and in parts: a detector finds in a part what is too small for it in the whole picture
(slicing aided inference, Akyon et al. 2022)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vit_perception.data.dense import Dense
from vit_perception.data.teachers import Prediction, Teacher
from vit_perception.data.teachers.decode.grid import MAX_BOXES, NMS_IOU
from vit_perception.runtime.suppression import suppress

# Each part has half the height and half the width; each side has so many, which overlap by half.
_PARTS = 3
# What is larger than this share of a part, the whole picture shows better; what ends closer to the inner edge
# of a part, in pixels, may go on beyond it.
_LARGEST = 0.5
_EDGE = 2.0
# Cells of parts are many: those whose best class has less are left out.
_LEAST_SCORE = 0.1


def predict_tiled(teacher: Teacher, image: np.ndarray) -> Prediction:
    """What a detector finds in a picture and in nine overlapping parts of it, in pixels of the picture.

    The dense labels of all parts are one more grid for each of the detector's, of half its stride.

    Args:
        teacher: that gives boxes.
        image: (H, W, 3) uint8 RGB.
    """
    whole = teacher(image)
    corners = _corners(image.shape[:2])
    parts = [_whole_objects(teacher(_part(image, corner)), corner, image.shape[:2]) for corner in corners]
    boxes, class_ids, scores = (
        np.concatenate([getattr(each, name) for each in (whole, *parts)])
        for name in ("boxes", "class_ids", "scores")
    )
    kept = suppress(boxes, class_ids, scores, NMS_IOU)[:MAX_BOXES]
    dense = whole.dense
    if dense is not None:
        dense = _joined(dense, [each.dense for each in parts if each.dense is not None])
    return replace(whole, boxes=boxes[kept], class_ids=class_ids[kept], scores=scores[kept], dense=dense)


def _part_size(size: tuple[int, int]) -> tuple[int, int]:
    return -(-size[0] // 2), -(-size[1] // 2)


def _corners(size: tuple[int, int]) -> list[tuple[int, int]]:
    """x and y of the first pixel of each part."""
    tops, lefts = (
        [place * (side - part) // (_PARTS - 1) for place in range(_PARTS)]
        for side, part in zip(size, _part_size(size), strict=True)
    )
    return [(left, top) for top in tops for left in lefts]


def _part(image: np.ndarray, corner: tuple[int, int]) -> np.ndarray:
    (x, y), (height, width) = corner, _part_size(image.shape[:2])
    return np.ascontiguousarray(image[y : y + height, x : x + width])


def _whole_objects(found: Prediction, corner: tuple[int, int], size: tuple[int, int]) -> Prediction:
    """What a part shows all of, in pixels of the picture."""
    part = np.array(_part_size(size)[::-1], np.float32)
    first = np.array(corner, np.float32)
    last = first + part
    inner = np.concatenate([first > 0, last < size[::-1]])

    def complete(boxes: np.ndarray) -> np.ndarray:
        room = np.concatenate([boxes[:, :2], part - boxes[:, 2:]], axis=1)
        small = ((boxes[:, 2:] - boxes[:, :2]) < _LARGEST * part).all(axis=1)
        return small & (room[:, inner] > _EDGE).all(axis=1)

    kept = complete(found.boxes)
    dense = found.dense
    if dense is not None:
        certain = dense.scores.max(axis=1, initial=0) >= _LEAST_SCORE
        dense = dense.kept(certain & complete(dense.boxes)).moved(first)
    corners = found.boxes[kept] + np.tile(first, 2)
    return Prediction(corners, found.class_ids[kept], found.scores[kept], dense=dense)


def _joined(whole: Dense, parts: list[Dense]) -> Dense:
    """Dense labels of a picture and of its parts. Where parts overlap, the more certain cell counts."""
    strides = whole.strides / 2
    levels = np.concatenate([part.levels for part in parts])
    centres = np.concatenate([part.origin + (part.cells + 0.5) * part.strides[part.levels] for part in parts])
    cells = np.floor((centres - whole.origin) / strides[levels]).astype(np.int64).clip(min=0)
    boxes, class_ids, scores = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("boxes", "class_ids", "scores")
    )
    order = np.argsort(-scores.max(axis=1, initial=0), kind="stable")
    _, first = np.unique(np.column_stack([levels, cells])[order], axis=0, return_index=True)
    kept = order[np.sort(first)]
    return replace(
        whole,
        strides=np.concatenate([whole.strides, strides]),
        levels=np.concatenate([whole.levels, levels[kept] + len(whole.strides)]),
        cells=np.concatenate([whole.cells, cells[kept]]),
        boxes=np.concatenate([whole.boxes, boxes[kept]]),
        class_ids=np.concatenate([whole.class_ids, class_ids[kept]]),
        scores=np.concatenate([whole.scores, scores[kept]]),
    )
