"""A picture and its labels, made smaller together."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from vit_perception.data.annotation import Annotation


def scaled_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """(height, width) of a picture whose long side is at most `side` pixels; never larger than `size`."""
    factor = min(1.0, side / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def scaled_picture(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8 → that of `size` (height, width), which is not larger."""
    if picture.shape[:2] == size:
        return picture
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA)


def scaled_annotation(annotation: Annotation, before: tuple[int, int], after: tuple[int, int]) -> Annotation:
    """Labels of a picture that was `before` (height, width) and is `after`.

    Boxes are scaled by the same factors as the picture, one for each axis. Masks and depth take the value at
    the centre of each new pixel, so that no class and no distance is invented between two others.
    """
    if before == after:
        return annotation
    factors = np.array([after[1] / before[1], after[0] / before[0]] * 2, np.float32)
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.int64) for old, new in zip(before, after, strict=True)
    )
    centres = np.ix_(rows, columns)
    return replace(
        annotation,
        boxes=annotation.boxes * factors,
        ignored_boxes=annotation.ignored_boxes * factors,
        semantic=None if annotation.semantic is None else annotation.semantic[centres],
        instances=None if annotation.instances is None else annotation.instances[centres],
        depth=None if annotation.depth is None else annotation.depth[centres],
        dense=None if annotation.dense is None else annotation.dense.scaled(factors[:2]),
    )
