"""Drawn pictures of boxes and balls on a floor before a wall, in memory, for tests of training."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from tiny_model import tiny_card
from vit_perception.cards.card import Card
from vit_perception.data.annotation import Annotation
from vit_perception.data.dense import Dense, dense_of_grids
from vit_perception.data.label_space import Label, LabelSpace
from vit_perception.training.examples import Known

SPACE = LabelSpace(
    (
        Label("box"),
        Label("ball"),
        Label("floor", thing=False, drivable=True),
        Label("wall", thing=False),
    )
)
BOX, BALL, FLOOR, WALL = range(4)
COLOURS = ((220, 40, 40), (40, 60, 220), (150, 150, 140), (60, 110, 60))
HEIGHT, WIDTH = 60, 80
STRIDES = (7.0, 14.0, 28.0)  # of the tiny model's detection head


def known(boxes: set[int], masks: set[int]) -> Known:
    """Of which boxes, and masks, the classes are known; what has no box is absent."""
    return Known(frozenset(boxes), frozenset(masks), frozenset(boxes))


EVERYTHING = known({BOX, BALL}, set(range(4)))


def small_card() -> Card:
    """The tiny model for these labels."""
    card = tiny_card()
    architecture = {**card.architecture, "num_classes": 4, "num_things": 2}
    return dataclasses.replace(card, labels=SPACE.names, things=SPACE.things, architecture=architecture)


class SmallDataset:
    """Pictures that are the same in every process.

    Args:
        count: of pictures.
        known: what the labels know.
        without: what is left out of the annotations, of `semantic`, `boxes`, `instances`.
        first: number of the first picture.
    """

    space = SPACE

    def __init__(
        self, count: int = 12, known: Known = EVERYTHING, without: tuple[str, ...] = (), first: int = 0
    ) -> None:
        self.count, self.without, self.first = count, without, first
        self._known = known
        self.parts: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return self.count

    def name(self, index: int) -> str:
        return f"picture{self.first + index:03}"

    def picture(self, index: int) -> np.ndarray:
        return self._draw(index)[0]

    def annotation(self, index: int) -> Annotation:
        return self._draw(index)[1]

    def known_boxes(self, index: int) -> np.ndarray:
        return np.isin(np.arange(4), list(self.known(index).boxes))

    def known_absent(self, index: int) -> np.ndarray:
        return np.isin(np.arange(4), list(self.known(index).absent))

    def known_mask(self, index: int) -> np.ndarray:
        return np.isin(np.arange(4), list(self.known(index).masks))

    def known(self, index: int) -> Known:
        return self._known

    def _draw(self, index: int) -> tuple[np.ndarray, Annotation]:
        rng = np.random.default_rng(self.first + index)
        semantic = np.full((HEIGHT, WIDTH), WALL, np.uint8)
        semantic[HEIGHT // 2 :] = FLOOR
        instances = np.zeros((HEIGHT, WIDTH), np.uint16)
        boxes, class_ids = [], []
        for place, left in enumerate((2, 42)[: rng.integers(1, 3)]):
            side, x, y = int(rng.integers(18, 30)), left + int(rng.integers(0, 6)), int(rng.integers(4, 28))
            class_id = int(rng.integers(2))
            shape = np.zeros((HEIGHT, WIDTH), np.uint8)
            if class_id == BOX:
                shape[y : y + side, x : x + side] = 1
            else:
                cv2.circle(shape, (x + side // 2, y + side // 2), side // 2, (1,), -1)
            semantic[shape > 0], instances[shape > 0] = class_id, place + 1
            boxes.append([x, y, x + side, y + side])
            class_ids.append(class_id)
        rgb = np.array(COLOURS, np.uint8)[semantic]
        rgb = (rgb + rng.integers(-20, 20, rgb.shape)).clip(0, 255).astype(np.uint8)
        known_pixels = np.isin(semantic, list(self._known.masks))
        fields = {
            "boxes": np.array(boxes, np.float32),
            "class_ids": np.array(class_ids, np.int64),
            "semantic": np.where(known_pixels, semantic, 255).astype(np.uint8),
            "instances": instances,
        }
        kept = np.isin(fields["class_ids"], list(self._known.boxes))
        if not kept.all():
            fields |= {"boxes": fields["boxes"][kept], "class_ids": fields["class_ids"][kept]}
            fields.pop("instances")
        if "boxes" in self.without:
            fields = {"semantic": fields["semantic"]}
        for name in self.without:
            fields.pop(name, None)
        return rgb, Annotation(**fields)


def dense_labels(boxes: np.ndarray, class_ids: np.ndarray, size: tuple[int, int], stride: int = 10) -> Dense:
    """Of a detector that is quite sure of these objects, in each cell that has its centre in one."""
    rows, columns = size[0] // stride, size[1] // stride
    cells = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    centres = (cells + 0.5) * stride
    scores, found = np.zeros((len(cells), 2)), np.zeros((len(cells), 4), np.float32)
    for box, class_id in zip(boxes, class_ids, strict=True):
        inside = ((centres > box[:2]) & (centres < box[2:])).all(axis=1)
        scores[inside, class_id], found[inside] = 0.9, box
    strides = np.full((1, 2), stride)
    return dense_of_grids(found, scores, cells, np.zeros(len(cells), np.int64), strides, size)


class DenseDataset(SmallDataset):
    """Every second picture has dense labels."""

    def annotation(self, index: int) -> Annotation:
        annotation = super().annotation(index)
        if index % 2 == 0:
            return annotation
        dense = dense_labels(annotation.boxes, annotation.class_ids, (HEIGHT, WIDTH))
        return dataclasses.replace(annotation, dense=dense)
