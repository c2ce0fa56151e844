"""Pictures to be labelled, one at a time: of files, a video, or a dataset that has labels already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.dataset import Dataset
from vit_perception.data.joined import JoinedDataset
from vit_perception.data.label_space import LabelSpace
from vit_perception.data.labelling.real_labels import NO_LABELS, RealLabels


@dataclass(frozen=True)
class Item:
    """A picture to be labelled.

    Attributes:
        name: no other picture of the source has it, in any run.
        picture: its file, or (H, W, 3) uint8 RGB.
        real: labels that it comes with, in classes of the label space; None: none.
        part: the held-out part that it is in; None: it is for training.
        fault: why it cannot be labelled; empty: it can.
    """

    name: str
    picture: Path | np.ndarray
    real: Annotation | None = None
    part: str | None = None
    fault: str = ""


class Done(Protocol):
    """Names of pictures that are labelled already."""

    def __contains__(self, name: str, /) -> bool: ...


class Source(Protocol):
    """Where pictures come from, always in the same order.

    Attributes:
        real: which classes they come with labels of.
    """

    real: RealLabels

    def __len__(self) -> int:
        """How many there are; of a video, an estimate."""
        ...

    def items(self, done: Done) -> Iterator[Item]:
        """All pictures but those with a name in `done`."""
        ...


class PictureSource:
    """Pictures in files, named after their path without its ending.

    Args:
        paths: of the files, in order.
        folder: that the names leave out.
    """

    real = NO_LABELS

    def __init__(self, paths: list[Path], folder: Path) -> None:
        self._paths = paths
        stems = [path.relative_to(folder).with_suffix("").as_posix() for path in paths]
        repeated = (
            {stem for stem in stems if stems.count(stem) > 1} if len(set(stems)) < len(stems) else set()
        )
        self._names = [
            f"{stem}_{path.suffix[1:]}" if stem in repeated else stem
            for stem, path in zip(stems, paths, strict=True)
        ]

    def __len__(self) -> int:
        return len(self._paths)

    def items(self, done: Done) -> Iterator[Item]:
        for name, path in zip(self._names, self._paths, strict=True):
            if name not in done:
                yield Item(name, path)


class VideoSource:
    """Every `every`-th frame of a video that OpenCV can decode.

    Raises:
        ValueError: it cannot be decoded.
    """

    real = NO_LABELS

    def __init__(self, path: Path, every: int) -> None:
        self._path, self._every = path, every
        capture = cv2.VideoCapture(str(path))
        readable = capture.isOpened() and capture.grab()
        # Of a container without a length, OpenCV reports a negative one.
        self._length = max(1, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        capture.release()
        if not readable:
            raise ValueError(f"{path} cannot be decoded as a video: convert it to H.264 in .mp4")

    def __len__(self) -> int:
        return -(-self._length // self._every)

    def items(self, done: Done) -> Iterator[Item]:
        capture = cv2.VideoCapture(str(self._path))
        try:
            frame = 0
            while capture.grab():
                name = f"{self._path.stem}_{frame:06d}"
                if frame % self._every == 0 and name not in done:
                    found, image = capture.retrieve()
                    if found:
                        yield Item(name, np.ascontiguousarray(image[..., ::-1]))
                frame += 1
        finally:
            capture.release()


class DatasetSource:
    """The pictures of a dataset, with their labels.

    Args:
        dataset: that is there.
        space: that has all of its labels: `joined_space`.
    """

    def __init__(self, dataset: Dataset, space: LabelSpace) -> None:
        self._dataset = JoinedDataset([dataset], space)
        boxed, masked = (
            frozenset(np.flatnonzero(known(0)).tolist())
            for known in (self._dataset.known_boxes, self._dataset.known_mask)
        )
        self.real = RealLabels(boxed, masked)
        self._parts = {int(index): part for part, indices in self._dataset.parts.items() for index in indices}

    def __len__(self) -> int:
        return len(self._dataset)

    def items(self, done: Done) -> Iterator[Item]:
        for index in range(len(self._dataset)):
            name = self._dataset.name(index)
            if name in done:
                continue
            picture: Path | np.ndarray | None = self._dataset.picture_file(index)
            try:
                if picture is None:
                    picture = self._dataset.picture(index)
                real = self._dataset.annotation(index)
            except (ValueError, OSError) as error:
                yield Item(name, picture if picture is not None else Path(name), fault=str(error))
            else:
                yield Item(name, picture, real, self._parts.get(index))
