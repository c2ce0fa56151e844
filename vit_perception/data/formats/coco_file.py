"""One JSON file of COCO: what is in it by picture. In memory are only places in the file."""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from vit_perception.data.dataset import Fault
from vit_perception.data.formats.json_stream import Entry, LineNumbers, stream_json
from vit_perception.data.names import Names

# More than any number of picture in a file of a few gigabytes.
_LARGEST_ID = 1 << 62


@dataclass(frozen=True)
class Category:
    """A category of COCO.

    Attributes:
        id: in the file.
        name: of the class.
        thing: whether its objects can be counted; true unless the file says otherwise.
    """

    id: int
    name: str
    thing: bool


class CocoFile:
    """The pictures and annotations of a JSON file.

    Args:
        path: of a detection, instances or panoptic file.

    Attributes:
        path: as given.
        panoptic: whether annotations are panoptic ones, with one PNG for each picture.
        has_masks: whether an annotation of an object has a `segmentation`.
        categories: sorted by id.
        pictures: `file_name` of each picture.
        sizes: (N, 2) int32 height and width of each picture; zeros where the file does not give them.

    Raises:
        ValueError: the file is not COCO; the message names the line where there is one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.panoptic = False
        self.has_masks = False
        self._lines = LineNumbers(path)
        self._bad: list[tuple[int, str]] = []
        self._categories: dict[int, Category] = {}
        files: list[str] = []
        image_ids, image_places, sizes = array("q"), array("q"), array("i")
        picture_ids, places = array("q"), array("q")
        lists = set()
        for entry in stream_json(path):
            lists.add(entry.key)
            if entry.key == "categories":
                self._add_category(entry)
            elif entry.key == "images":
                if (image := self._image(entry)) is not None:
                    files.append(image[1])
                    image_ids.append(image[0])
                    sizes.extend(image[2])
                    image_places.extend((entry.start, entry.end))
            elif entry.key == "annotations" and (picture := self._picture_of(entry)) is not None:
                picture_ids.append(picture)
                places.extend((entry.start, entry.end))
        if not files and not self._bad:
            raise ValueError(f"{path} has no images: it is not a COCO file")
        if not self._categories:
            raise ValueError(f"{path} has no categories: it is not a COCO file of objects or masks")
        self.categories = tuple(self._categories[key] for key in sorted(self._categories))
        self.pictures = Names(files)
        self.sizes = np.array(sizes, np.int32).reshape(-1, 2)
        self._image_places = np.array(image_places, np.int64).reshape(-1, 2)
        self._sort(np.array(image_ids, np.int64), np.array(picture_ids, np.int64), places)

    def annotations(self, index: int) -> Iterator[tuple[dict[str, Any], int]]:
        """(annotation, its place) of all annotations of a picture, in the order of the file."""
        with self.path.open("rb") as file:
            for start, end in self._places[self._first[index] : self._first[index + 1]]:
                yield json.loads(os.pread(file.fileno(), int(end - start), int(start))), int(start)

    def image(self, index: int) -> dict[str, Any]:
        """The entry of a picture."""
        start, end = map(int, self._image_places[index])
        with self.path.open("rb") as file:
            entry: dict[str, Any] = json.loads(os.pread(file.fileno(), end - start, start))
        return entry

    def line_of(self, place: int) -> int:
        """The line of an annotation."""
        return self._lines.line_of(place)

    def line_of_image(self, index: int) -> int:
        """The line of a picture's entry."""
        return self._lines.line_of(int(self._image_places[index][0]))

    def faults(self) -> Iterator[Fault]:
        """What is wrong with entries that belong to no picture."""
        for place, reason in self._bad:
            yield Fault(self.path, self.line_of(place), reason)

    def _sort(self, image_ids: np.ndarray, picture_ids: np.ndarray, places: array[int]) -> None:
        """Put the places of annotations in the order of the pictures."""
        spans = np.array(places, np.int64).reshape(-1, 2)
        order = np.argsort(image_ids, kind="stable")
        ids = image_ids[order]
        for again in np.flatnonzero(ids[1:] == ids[:-1]) + 1:
            place = int(self._image_places[order[again]][0])
            self._bad.append((place, f"two pictures have the id {ids[again]}: give each its own"))
        found = np.searchsorted(ids, picture_ids)
        known = found < len(ids)
        known[known] = ids[found[known]] == picture_ids[known]
        for picture, (start, _) in zip(picture_ids[~known], spans[~known], strict=True):
            self._bad.append((int(start), f"no picture has the id {picture}: delete this annotation"))
        numbers = order[found[known]]
        by_picture = np.argsort(numbers, kind="stable")
        self._places = spans[known][by_picture]
        self._first = np.searchsorted(numbers[by_picture], np.arange(len(image_ids) + 1))

    def _add_category(self, entry: Entry) -> None:
        value = entry.value
        identity = value.get("id") if isinstance(value, dict) else None
        name = value.get("name") if isinstance(value, dict) else None
        if not _is_id(identity) or not isinstance(name, str) or not name.strip():
            self._bad.append((entry.start, "a category needs an id, a whole number, and a name"))
        elif identity in self._categories:
            self._bad.append((entry.start, f"two categories have the id {identity}: give each its own"))
        else:
            self._categories[identity] = Category(identity, name, bool(value.get("isthing", True)))

    def _image(self, entry: Entry) -> tuple[int, str, tuple[int, int]] | None:
        value = entry.value
        identity = value.get("id") if isinstance(value, dict) else None
        file = value.get("file_name") if isinstance(value, dict) else None
        if not _is_id(identity) or not isinstance(file, str) or not file:
            self._bad.append((entry.start, "a picture needs an id, a whole number, and a file_name"))
            return None
        size: Any = (value.get("height"), value.get("width"))
        if not all(_is_id(side) and 0 < side < 1 << 31 for side in size):
            size = (0, 0)
        return identity, file, size

    def _picture_of(self, entry: Entry) -> int | None:
        value = entry.value
        identity = value.get("image_id") if isinstance(value, dict) else None
        if not _is_id(identity):
            self._bad.append((entry.start, "an annotation needs an image_id, the id of its picture"))
            return None
        self.panoptic = self.panoptic or "segments_info" in value
        self.has_masks = self.has_masks or bool(value.get("segmentation"))
        return int(identity)


def _is_id(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST_ID
