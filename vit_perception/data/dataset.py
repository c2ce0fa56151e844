"""What every dataset format gives: pictures by number, read one at a time, and what is labelled in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.label_space import LabelSpace


@dataclass(frozen=True)
class Fault:
    """Something wrong in a dataset.

    Attributes:
        file: where it is.
        line: in that file, counted from 1; None where it has no lines.
        reason: in one sentence, with what to do.
    """

    file: Path
    line: int | None
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{place}: {self.reason}"


class Dataset(Protocol):
    """Labelled pictures. The index is in memory, compactly; pictures and masks are read when asked for.

    Attributes:
        folder: where it is.
        format: its name, such as `coco`.
        space: its own labels, in the order of its class ids.
        box_labels: class ids that are boxed in every picture; a class that is not here is unknown in boxes.
        mask_labels: class ids that the masks know; the same for pixels.
        parts: numbers of the pictures of each held-out part, such as `val`, ascending. No picture is in two;
            what is in none is for training.
    """

    folder: Path
    format: str
    space: LabelSpace
    box_labels: frozenset[int]
    mask_labels: frozenset[int]
    parts: Mapping[str, np.ndarray]

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """A name that no other picture of this dataset has, without the ending of a file."""
        ...

    def picture_file(self, index: int) -> Path | None:
        """The file of the picture, which may be missing; None if pictures are not files, as in a bag."""
        ...

    def picture(self, index: int) -> np.ndarray:
        """(H, W, 3) uint8 RGB.

        Raises:
            FileNotFoundError: the picture is missing. ValueError: it cannot be read.
        """
        ...

    def annotation(self, index: int) -> Annotation:
        """What is known of the picture.

        Raises:
            ValueError: its labels cannot be read; the message names file and line.
        """
        ...

    def faults(self) -> Iterator[Fault]:
        """Everything that is wrong, from reading all of it: missing pictures, boxes outside, unknown classes,
        masks that cannot be read. Never raises."""
        ...
