"""Photographs with COCO's panoptic masks and YOLO's boxes: `images/`, `boxes/`, `panoptic.json`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vit_perception.data.dataset import Fault
from vit_perception.data.formats.base import PictureDataset, list_files, list_pictures, without_suffix
from vit_perception.data.formats.coco_file import CocoFile
from vit_perception.data.formats.coco_panoptic import PanopticMask, panoptic_folder, read_panoptic
from vit_perception.data.formats.reading import RawLabels, Report
from vit_perception.data.formats.yolo_rows import read_rows
from vit_perception.data.label_space import Label, LabelSpace
from vit_perception.data.names import Names

_PANOPTIC = "panoptic.json"
# From which overlap on (intersection over union) a box and a segment are the same object.
_SAME = 0.7


class PhotographFolder(PictureDataset):
    """All pictures of a folder; not all need a mask. Class k of a box is the k-th thing of `panoptic.json`.

    Args:
        folder: with `images/`, `boxes/`, `panoptic.json` and `panoptic/`.

    Raises:
        ValueError: `panoptic.json` is not a panoptic file, or there are no pictures.
    """

    format = "coco with boxes"

    def __init__(self, folder: Path) -> None:
        self._file = CocoFile(folder / _PANOPTIC)
        space = LabelSpace(tuple(Label(one.name, thing=one.thing) for one in self._file.categories))
        self._classes = {category.id: place for place, category in enumerate(self._file.categories)}
        self._png = panoptic_folder(self._file.path, folder)
        pictures = list_pictures(folder / "images")
        names = [without_suffix(picture) for picture in pictures]
        number = {without_suffix(name): index for index, name in enumerate(self._file.pictures)}
        # The place of each picture in the panoptic file; -1: it is not there.
        self._in_file = np.array([number.get(name, -1) for name in names], np.int32)
        super().__init__(
            folder,
            space,
            pictures=Names(f"images/{picture}" for picture in pictures),
            names=Names(names),
            box_labels=space.things,
            mask_labels=range(len(space)),
            parts={},
        )

    @staticmethod
    def recognises(folder: Path) -> bool:
        return (folder / _PANOPTIC).is_file() and (folder / "boxes").is_dir() and (folder / "images").is_dir()

    def file_faults(self) -> Iterator[Fault]:
        yield from super().file_faults()
        yield from self._file.faults()
        for index in sorted(set(range(len(self._file.pictures))) - set(self._in_file.tolist())):
            reason = f"the picture {self._file.pictures[index]} is missing: add it, or delete its labels"
            yield Fault(self._file.path, self._file.line_of_image(index), reason)
        names = set(self._names)
        for file in list_files(self.folder / "boxes", (".txt",)):
            if without_suffix(file) not in names:
                reason = "no picture belongs to these boxes: add it, or delete the file"
                yield Fault(self.folder / "boxes" / file, None, reason)

    def _labels(self, index: int, size: tuple[int, int], report: Report) -> RawLabels:
        path = self.folder / "boxes" / f"{self._names[index]}.txt"
        raw = read_rows(path, dict(enumerate(self.space.things)).get, size, report)
        number = int(self._in_file[index])
        if number >= 0:
            mask = read_panoptic(self._file, number, self._png, self._classes, size, report)
            if mask is not None:
                raw.semantic = mask.semantic
                raw.instances = _match(raw, mask)
                things = set(self.space.things)
                for segment in mask.segments:
                    if segment.crowd and segment.box is not None and segment.class_id in things:
                        raw.add(segment.box, segment.class_id, ignored=True)
        return raw


def _match(raw: RawLabels, mask: PanopticMask) -> np.ndarray:
    """`instances`, from the segments that a box of the same class encloses. The best pairs come first."""
    pairs = sorted(
        (
            (-overlap, place, segment.number)
            for place, box in enumerate(raw.boxes)
            for segment in mask.segments
            if segment.class_id == raw.class_ids[place] and not segment.crowd and segment.box is not None
            if (overlap := _overlap(box, segment.box)) >= _SAME
        )
    )
    values = np.zeros(max((segment.number for segment in mask.segments), default=0) + 1, np.uint16)
    taken: set[int] = set()
    for _, place, number in pairs:
        if place not in taken and not values[number]:
            taken.add(place)
            values[number] = place + 1
    return values[mask.numbers]


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (areas - width * height)
