"""What all formats share: pictures in files, annotations clipped to them, and the search for faults."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.dataset import Fault
from vit_perception.data.formats.reading import RawLabels, Report, picture_size
from vit_perception.data.label_space import LabelSpace
from vit_perception.data.names import Names
from vit_perception.viz.pictures import SUFFIXES, read_picture


@dataclass(frozen=True)
class Inspection:
    """A picture that was read, with all that is wrong with it.

    Attributes:
        picture: (H, W, 3) uint8 RGB; None: it cannot be read.
        annotation: without what is wrong; None: it cannot be read.
        faults: of the picture and its labels.
    """

    picture: np.ndarray | None
    annotation: Annotation | None
    faults: tuple[Fault, ...]


class PictureDataset(ABC):
    """A `Dataset` whose pictures are files. A format says where they are, and reads their labels.

    Args:
        folder: of the dataset.
        space: its labels.
        pictures: paths of the pictures below the folder, or absolute ones.
        names: of the pictures.
        box_labels, mask_labels, parts: as in `Dataset`.

    Raises:
        ValueError: there is no picture.
    """

    format = ""

    def __init__(
        self,
        folder: Path,
        space: LabelSpace,
        pictures: Names,
        names: Names,
        box_labels: Iterable[int],
        mask_labels: Iterable[int],
        parts: Mapping[str, np.ndarray],
    ) -> None:
        if not len(pictures):
            raise ValueError(f"{folder} has no pictures: add them, or give another folder")
        self.folder = folder
        self.space = space
        self.box_labels = frozenset(box_labels)
        self.mask_labels = frozenset(mask_labels)
        self.parts = parts
        self._pictures = pictures
        self._names = names

    def __len__(self) -> int:
        return len(self._pictures)

    def name(self, index: int) -> str:
        return self._names[index]

    def picture_file(self, index: int) -> Path | None:
        return self.folder / self._pictures[index]

    def picture(self, index: int) -> np.ndarray:
        return read_picture(self.folder / self._pictures[index])

    def annotation(self, index: int) -> Annotation:
        size = self._size(index)
        return self._labels(index, size, _refuse).finished(size)

    def inspect(self, index: int) -> Inspection:
        """Read a picture and its labels, and gather the faults. Never raises for what is in the files."""
        file, line = self._place(index)
        try:
            picture = self.picture(index)
        except FileNotFoundError:
            reason = f"the picture {self._pictures[index]} is missing: add it, or delete its labels"
            return Inspection(None, None, (Fault(file, line, reason),))
        except (ValueError, OSError):
            reason = f"the picture {self._pictures[index]} cannot be read: save it again as JPEG or PNG"
            return Inspection(None, None, (Fault(file, line, reason),))
        height, width = picture.shape[:2]
        faults: list[Fault] = []
        try:
            raw = self._labels(index, (height, width), faults.append)
        except (ValueError, OSError) as error:
            return Inspection(picture, None, (*faults, Fault(file, line, str(error))))
        faults.extend(raw.box_faults((height, width)))
        return Inspection(picture, raw.finished((height, width)), tuple(faults))

    def file_faults(self) -> Iterator[Fault]:
        """What is wrong beside single pictures: two of one name, labels without a picture."""
        for index, first in self._names.repeated():
            file, line = self._place(index)
            reason = f"{self._pictures[index]} and {self._pictures[first]} have one name: rename one of them"
            yield Fault(file, line, reason)

    def faults(self) -> Iterator[Fault]:
        yield from self.file_faults()
        for index in range(len(self)):
            yield from self.inspect(index).faults

    @abstractmethod
    def _labels(self, index: int, size: tuple[int, int], report: Report) -> RawLabels:
        """The labels of a picture of `size` (height, width), without what is reported as wrong."""

    def _size(self, index: int) -> tuple[int, int]:
        """(height, width) of a picture."""
        return picture_size(self.folder / self._pictures[index])

    def _place(self, index: int) -> tuple[Path, int | None]:
        """File and line by which a fault of the picture is found."""
        return self.folder / self._pictures[index], None


def _refuse(fault: Fault) -> None:
    raise ValueError(str(fault))


def list_pictures(folder: Path) -> list[str]:
    """Paths below `folder` of its pictures and those of its subfolders, sorted; none if it does not exist."""
    return list_files(folder, SUFFIXES)


def list_files(folder: Path, suffixes: tuple[str, ...]) -> list[str]:
    """Paths below `folder` of all files that end so, sorted; hidden files are left out."""
    return sorted(
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.suffix.lower() in suffixes and not file.name.startswith(".")
    )


def without_suffix(path: str) -> str:
    """`a/b.jpg` → `a/b`."""
    return str(PurePosixPath(path).with_suffix(""))


def part_of(word: str) -> str | None:
    """The held-out part that a folder or file is of: `valid` → `val`; None for training."""
    letters = word.lower()
    for part, beginnings in {"val": ("val", "dev"), "test": ("test",)}.items():
        if letters.startswith(beginnings):
            return part
    return None


def numbers_by_part(parts: Iterable[str | None]) -> dict[str, np.ndarray]:
    """Picture numbers of each part, from the part of each picture; None: for training."""
    found: dict[str, list[int]] = {}
    for index, part in enumerate(parts):
        if part is not None:
            found.setdefault(part, []).append(index)
    return {part: np.array(numbers, np.int64) for part, numbers in sorted(found.items())}
