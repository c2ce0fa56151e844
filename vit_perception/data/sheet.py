"""Samples of a dataset, drawn with their labels on one sheet."""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.label_space import LabelSpace
from vit_perception.runtime.results import Depth, Detection, Segmentation
from vit_perception.viz.draw import contact_sheet, draw_boxes, draw_depth, draw_mask

_HEIGHT, _WIDTH = 360, 480


def sample_numbers(count: int, samples: int) -> frozenset[int]:
    """Numbers of at most `samples` of `count` pictures, at equal distances."""
    return frozenset(np.linspace(0, count - 1, min(count, samples)).round().astype(int).tolist())


def draw_sample(picture: np.ndarray, annotation: Annotation, space: LabelSpace) -> np.ndarray:
    """(360, 480, 3) uint8 RGB: a picture with its mask and boxes; depth, if it has nothing else.

    Args:
        picture: (H, W, 3) uint8 RGB.
        annotation: of the picture.
        space: its labels.
    """
    if annotation.semantic is not None:
        picture = draw_mask(
            picture, Segmentation(annotation.semantic, np.full_like(annotation.semantic, 255))
        )
    elif annotation.depth is not None and not len(annotation.boxes):
        picture = draw_depth(picture, Depth(annotation.depth))
    scale = min(_HEIGHT / picture.shape[0], _WIDTH / picture.shape[1])
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    scores = np.ones(len(annotation.boxes)) if annotation.scores is None else annotation.scores
    # Boxes are drawn last, so that their names are readable at the size of the sheet.
    boxes = Detection(annotation.boxes * scale, annotation.class_ids, scores)
    tile = np.zeros((_HEIGHT, _WIDTH, 3), np.uint8)
    tile[: size[1], : size[0]] = draw_boxes(picture, boxes, dict(enumerate(space.names)))
    return tile


def draw_sheet(samples: list[np.ndarray]) -> np.ndarray:
    """All samples on one sheet; there must be at least one."""
    return contact_sheet(samples)
