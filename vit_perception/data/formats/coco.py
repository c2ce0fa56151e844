"""COCO JSON: detection, instances and panoptic files, one or several, and their pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from vit_perception.data.dataset import Fault
from vit_perception.data.formats.base import PictureDataset, numbers_by_part, part_of, without_suffix
from vit_perception.data.formats.coco_file import CocoFile
from vit_perception.data.formats.coco_objects import add_objects
from vit_perception.data.formats.coco_panoptic import add_segments, panoptic_folder, read_panoptic
from vit_perception.data.formats.reading import RawLabels, Report
from vit_perception.data.label_space import Label, LabelSpace, normal_name
from vit_perception.data.names import Names

# What COCO's own folder of annotations also holds.
_OTHERS = ("captions", "person_keypoints", "image_info", "stuff")
# How many pictures are looked for to find out where they are.
_TRIED = 3


class CocoDataset(PictureDataset):
    """Pictures with COCO annotations.

    Where a picture has a panoptic mask and objects, the mask is the panoptic one and the boxes are those of
    the objects. Files whose names have `val` or `test` in them are held-out parts.

    Args:
        folder: `annotations/*.json` and pictures; or JSON files beside `images/`; or pictures with a
            `_annotations.coco.json` beside them, one folder a part.
        files: of annotations, if not those found by that rule.

    Raises:
        ValueError: a file is not COCO; a picture is in two files of one kind; there are no pictures.
    """

    format = "coco"

    def __init__(self, folder: Path, files: Sequence[Path] | None = None) -> None:
        self._files = [CocoFile(path) for path in (_json_files(folder) if files is None else files)]
        space = LabelSpace(tuple(_labels(self._files)))
        # Category id → class id, by file.
        self._classes = [
            {category.id: space.id_of(category.name) for category in file.categories} for file in self._files
        ]
        self._twice: list[tuple[int, int]] = []
        self._masks = [panoptic_folder(file.path, folder) for file in self._files]
        objects = [place for place, file in enumerate(self._files) if not file.panoptic]
        panoptic = [place for place, file in enumerate(self._files) if file.panoptic]
        boxed = [set(self._classes[place].values()) for place in objects]
        painted = [set(self._classes[place].values()) for place in panoptic or objects]
        pictures, parts = self._gather(folder)
        super().__init__(
            folder,
            space,
            pictures=Names(pictures),
            names=Names(_names(pictures)),
            box_labels=set.intersection(*boxed) if boxed else space.things,
            mask_labels=set.intersection(*painted)
            if panoptic or any(self._files[place].has_masks for place in objects)
            else (),
            parts=numbers_by_part(parts),
        )

    @staticmethod
    def recognises(folder: Path) -> bool:
        return bool(_json_files(folder))

    def file_faults(self) -> Iterator[Fault]:
        yield from super().file_faults()
        for file in self._files:
            yield from file.faults()
        for place, index in self._twice:
            file = self._files[place]
            reason = f"the picture {file.pictures[index]} is there twice: leave one of the two"
            yield Fault(file.path, file.line_of_image(index), reason)

    def _gather(self, folder: Path) -> tuple[list[str], list[str | None]]:
        """The pictures of all files, sorted, and the part of each. Fills `_where` and `_twice`."""
        numbers: dict[str, int] = {}
        parts: list[str | None] = []
        found: list[tuple[int, int, int]] = []
        for place, file in enumerate(self._files):
            where = _picture_folder(file, folder)
            part = _part(file.path, folder)
            for index, picture in enumerate(file.pictures):
                path = (Path(where) / picture).as_posix()
                number = numbers.setdefault(path, len(numbers))
                if number == len(parts):
                    parts.append(part)
                found.append((number, place, index))
        order = sorted(numbers)
        new = np.zeros(len(order), np.int64)
        new[[numbers[path] for path in order]] = np.arange(len(order))
        # (N, 2, 2): file and number in it of each picture, for objects and for the panoptic mask; -1: none.
        self._where = np.full((len(order), 2, 2), -1, np.int32)
        for number, place, index in found:
            kind = int(self._files[place].panoptic)
            entry = self._where[new[number], kind]
            if entry[0] not in (-1, place):
                raise ValueError(
                    f"{self._files[place].pictures[index]} is in {self._files[entry[0]].path} and in "
                    f"{self._files[place].path}: leave it in one of them"
                )
            if entry[0] == place:
                self._twice.append((place, index))
            else:
                entry[:] = place, index
        return order, [parts[numbers[path]] for path in order]

    def _labels(self, index: int, size: tuple[int, int], report: Report) -> RawLabels:
        (objects, object_index), (panoptic, panoptic_index) = self._where[index].tolist()
        raw = RawLabels(self._files[max(objects, 0)].path)
        if objects >= 0:
            self._check_size(objects, object_index, size, report)
            add_objects(raw, self._files[objects], object_index, self._classes[objects], size, report)
        if panoptic >= 0:
            self._check_size(panoptic, panoptic_index, size, report)
            file = self._files[panoptic]
            mask = read_panoptic(
                file, panoptic_index, self._masks[panoptic], self._classes[panoptic], size, report
            )
            if mask is not None:
                raw.semantic = mask.semantic
                if objects < 0:
                    raw.file, raw.line_of = file.path, file.line_of
                    add_segments(raw, mask, frozenset(self.space.things))
        return raw

    def _check_size(self, place: int, index: int, size: tuple[int, int], report: Report) -> None:
        file = self._files[place]
        height, width = file.sizes[index].tolist()
        if height and (height, width) != size:
            reason = (
                f"{file.pictures[index]} has {size[1]} x {size[0]} pixels, not {width} x {height}: "
                "correct width and height, or give the picture that was labelled"
            )
            report(Fault(file.path, file.line_of_image(index), reason))

    def _size(self, index: int) -> tuple[int, int]:
        for place, number in self._where[index].tolist():
            if place >= 0:
                height, width = self._files[place].sizes[number].tolist()
                if height:
                    return height, width
        return super()._size(index)

    def _place(self, index: int) -> tuple[Path, int | None]:
        place, number = next(pair for pair in self._where[index].tolist() if pair[0] >= 0)
        return self._files[place].path, self._files[place].line_of_image(number)


def _json_files(folder: Path) -> list[Path]:
    """The files of annotations: COCO's instances and panoptic ones, or all that there are."""
    for pattern in ("annotations/*.json", "*_annotations.coco.json", "*/_annotations.coco.json"):
        if found := sorted(folder.glob(pattern)):
            break
    else:
        found = sorted(folder.glob("*.json")) if (folder / "images").is_dir() else []
    found = [file for file in found if not file.name.startswith((*_OTHERS, "."))]
    named = [file for file in found if file.name.startswith(("instances", "panoptic"))]
    return named or found


def _labels(files: Sequence[CocoFile]) -> Iterator[Label]:
    """A label for each name of a category, those of objects first."""
    categories = [
        category
        for panoptic in (False, True)
        for f in files
        if f.panoptic is panoptic
        for category in f.categories
    ]
    stuff = {normal_name(category.name) for category in categories if not category.thing}
    for name in dict.fromkeys(normal_name(category.name) for category in categories):
        yield Label(name, thing=name not in stuff)


def _picture_folder(file: CocoFile, folder: Path) -> str:
    """Where the pictures of a file are, below the folder."""
    beside = file.path.parent.relative_to(folder).as_posix()
    split = file.path.stem.rpartition("_")[2]
    places = ("images", f"images/{split}", split, beside, ".")
    tried = [file.pictures[index] for index in range(min(_TRIED, len(file.pictures)))]
    for place in places:
        if any((folder / place / picture).is_file() for picture in tried):
            return place
    return "images"


def _part(file: Path, folder: Path) -> str | None:
    words = re.split(r"[_\W]+", file.relative_to(folder).with_suffix("").as_posix())
    return next((part for word in words if (part := part_of(word))), None)


def _names(pictures: Sequence[str]) -> Iterator[str]:
    """Paths without ending, from below `images/` if all are there."""
    start = len("images/") if all(picture.startswith("images/") for picture in pictures) else 0
    return (without_suffix(picture[start:]) for picture in pictures)
