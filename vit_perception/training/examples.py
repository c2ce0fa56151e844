"""One picture to learn from, with its labels and with what they know."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.label_space import LabelSpace


class Pictures(Protocol):
    """Labelled pictures to learn from: what `data.joined.JoinedDataset` is."""

    @property
    def space(self) -> LabelSpace:
        """The labels."""
        ...

    @property
    def parts(self) -> Mapping[str, np.ndarray]:
        """Numbers of the pictures that a dataset holds out, by the name of the part."""
        ...

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """A name that no other picture has."""
        ...

    def picture(self, index: int) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        ...

    def annotation(self, index: int) -> Annotation:
        """What is labelled in the picture."""
        ...

    def known_boxes(self, index: int) -> np.ndarray:
        """(C,) bool: the classes that are boxed wherever they are in this picture."""
        ...

    def known_absent(self, index: int) -> np.ndarray:
        """(C,) bool: the classes that are not in this picture if they have no box there."""
        ...

    def known_mask(self, index: int) -> np.ndarray:
        """(C,) bool: the classes that the mask of this picture knows, if it has a mask."""
        ...


@dataclass(frozen=True)
class Known:
    """The class ids that the labels of a picture know. Of all others it is unknown whether they are there.

    Attributes:
        boxes: classes of which every object has a box.
        masks: classes of which every labelled pixel is known.
        absent: those of `boxes` that are absent where they have no box; of a class that is part stuff, as
            furniture with shelves, a mask alone tells.
        dense: classes that dense labels know in every cell; they are learned from these, not from boxes.
    """

    boxes: frozenset[int]
    masks: frozenset[int]
    absent: frozenset[int]
    dense: frozenset[int] = frozenset()

    def __and__(self, other: Known) -> Known:
        """What both know."""
        return self._with(other, operator.and_)

    def __or__(self, other: Known) -> Known:
        """What one of them knows."""
        return self._with(other, operator.or_)

    def _with(self, other: Known, join: Callable[[Any, Any], Any]) -> Known:
        return Known(*(join(getattr(self, each.name), getattr(other, each.name)) for each in fields(Known)))


@dataclass(frozen=True)
class Example:
    """A picture of H x W pixels.

    Attributes:
        rgb: (H, W, 3) uint8.
        annotation: its labels.
        known: what they know.
    """

    rgb: np.ndarray
    annotation: Annotation
    known: Known


def known_classes(pictures: Pictures, index: int, annotation: Annotation) -> Known:
    """What the labels of a picture know."""
    masked = annotation.semantic is not None
    return Known(
        frozenset(np.flatnonzero(pictures.known_boxes(index)).tolist()),
        frozenset(np.flatnonzero(pictures.known_mask(index)).tolist() if masked else ()),
        frozenset(np.flatnonzero(pictures.known_absent(index)).tolist()),
        frozenset(() if annotation.dense is None else annotation.dense.knows.tolist()),
    )


def read_example(pictures: Pictures, index: int) -> Example:
    """Read a picture and its labels.

    Raises:
        FileNotFoundError: the picture is missing.
        ValueError: the picture or its labels cannot be read, or have different sizes.
    """
    rgb, annotation = pictures.picture(index), pictures.annotation(index)
    for name in ("semantic", "instances"):
        mask = getattr(annotation, name)
        if mask is not None and mask.shape != rgb.shape[:2]:
            raise ValueError(
                f"{pictures.name(index)} has {rgb.shape[0]}x{rgb.shape[1]} pixels, but its mask "
                f"{mask.shape[0]}x{mask.shape[1]}: make them equal"
            )
    return Example(rgb, annotation, known_classes(pictures, index, annotation))
