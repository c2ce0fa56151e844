"""Pascal VOC: `Annotations/*.xml`, `JPEGImages/`, `SegmentationClass/`, `ImageSets/`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vit_perception.data.dataset import Fault
from vit_perception.data.formats.base import (
    PictureDataset,
    list_files,
    list_pictures,
    numbers_by_part,
    part_of,
    without_suffix,
)
from vit_perception.data.formats.colours import classes_of_colours, read_label_map
from vit_perception.data.formats.reading import RawLabels, Report, read_mask
from vit_perception.data.formats.voc_xml import VocObject, read_objects
from vit_perception.data.label_space import LabelSpace, normal_name
from vit_perception.data.names import Names
from vit_perception.runtime.results import UNLABELLED

# In the order of the values in the masks, from 1; 0 is none of them.
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
_EDGES = ("xmin", "ymin", "xmax", "ymax")


class VocDataset(PictureDataset):
    """Pictures with an XML file each.

    Objects that are `difficult` become ignored boxes. Background in a mask is unlabelled: it is none of the
    dataset's classes, which leaves all others. `val` and `test` in `ImageSets/` are held-out parts.

    Args:
        folder: with `Annotations/` and `JPEGImages/`.

    Raises:
        ValueError: there are no pictures, or masks of classes that nothing names.
    """

    format = "voc"

    def __init__(self, folder: Path) -> None:
        paths = list_pictures(folder / "JPEGImages")
        labels = {without_suffix(path) for path in list_files(folder / "Annotations", (".xml",))}
        masks = {without_suffix(path) for path in list_files(folder / "SegmentationClass", (".png",))}
        paths = [path for path in paths if without_suffix(path) in labels]
        names = [without_suffix(path) for path in paths]
        self._alone = sorted((labels | masks) - set(names))
        self._has_mask = np.array([name in masks for name in names], bool)
        self._palette, space = _labels(folder, sorted(labels), bool(masks))
        parts, self._overlaps = _parts(folder / "ImageSets")
        super().__init__(
            folder,
            space,
            pictures=Names(f"JPEGImages/{path}" for path in paths),
            names=Names(names),
            box_labels=range(len(space)),
            mask_labels=range(len(space)) if masks else (),
            parts=numbers_by_part(parts.get(name) for name in names),
        )

    @staticmethod
    def recognises(folder: Path) -> bool:
        return (folder / "Annotations").is_dir() and (folder / "JPEGImages").is_dir()

    def file_faults(self) -> Iterator[Fault]:
        yield from super().file_faults()
        for name in self._alone:
            xml = self.folder / "Annotations" / f"{name}.xml"
            if xml.is_file():
                reason = f"the picture {name} is not in JPEGImages: add it, or delete this file"
                yield Fault(xml, None, reason)
            else:
                reason = (
                    "a picture needs an XML file beside its mask, one without objects if it has none: add it"
                )
                yield Fault(self.folder / "SegmentationClass" / f"{name}.png", None, reason)
        for name, file in self._overlaps:
            yield Fault(file, None, f"{name} is in two of the held-out parts: leave it in one")

    def _labels(self, index: int, size: tuple[int, int], report: Report) -> RawLabels:
        name = self._names[index]
        raw = RawLabels(self.folder / "Annotations" / f"{name}.xml")
        for one in read_objects(raw.file, report):
            class_id = self.space.find(one.name)
            box = _box(one)
            if class_id is None:
                report(Fault(raw.file, one.line, "an object has no name: give the name of its class"))
            elif box is None:
                report(Fault(raw.file, one.line, f"bndbox needs {', '.join(_EDGES)}, each a number"))
            else:
                raw.add(box, class_id, one.line, ignored=one.difficult)
        if self._has_mask[index]:
            raw.semantic = self._mask(name, size, report)
        return raw

    def _mask(self, name: str, size: tuple[int, int], report: Report) -> np.ndarray | None:
        path = self.folder / "SegmentationClass" / f"{name}.png"
        values = read_mask(path, size, report)
        if values is None:
            return None
        if values.ndim == 3:
            values = classes_of_colours(values[..., :3], self._palette)
        unknown = np.setdiff1d(values, [*range(len(self.space) + 1), UNLABELLED])
        if len(unknown):
            what = "a colour" if unknown[0] < 0 else f"value {unknown[0]}"
            report(Fault(path, None, f"the mask has {what} that is no class: correct it"))
        classes = np.full(256, UNLABELLED, np.uint8)
        classes[1 : len(self.space) + 1] = np.arange(len(self.space))
        return classes[np.clip(values, 0, UNLABELLED)]


def voc_palette() -> np.ndarray:
    """(256, 3) uint8 red, green, blue of the values in VOC's masks: the bits of a value, dealt in turn to the
    three colours, the highest bits first."""
    values = np.arange(256)
    colours = np.zeros((256, 3), np.int64)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= (values >> (3 * bit + channel) & 1) << (7 - bit)
    return colours.astype(np.uint8)


def _labels(folder: Path, names: list[str], has_masks: bool) -> tuple[np.ndarray, LabelSpace]:
    """(256, 3) colours of the values in the masks, and the labels: those of `labelmap.txt`, or VOC's 20
    if there are no others, else those in the XML files, sorted."""
    palette = voc_palette()
    file = folder / "labelmap.txt"
    if file.is_file():
        colours = read_label_map(file)
        palette[1 : len(colours) + 1] = list(colours.values())
        return palette, LabelSpace.of_names(colours)
    found: set[str] = set()
    for name in names:
        path = folder / "Annotations" / f"{name}.xml"
        found.update(normal_name(one.name) for one in read_objects(path, lambda fault: None))
    found.discard("")
    if found <= set(VOC_CLASSES):
        return palette, LabelSpace.of_names(VOC_CLASSES)
    if has_masks:
        raise ValueError(
            f"{folder} has masks and classes that are not VOC's: add {file} with a line "
            "NAME:RED,GREEN,BLUE:: for each class, in the order of the masks' values"
        )
    return palette, LabelSpace.of_names(sorted(found))


def _box(one: VocObject) -> tuple[float, float, float, float] | None:
    """The box of an object. VOC counts pixels from 1, and the last one belongs to the box."""
    try:
        left, top, right, bottom = (float(one.box[edge]) for edge in _EDGES)
    except (KeyError, ValueError):
        return None
    return left - 1, top - 1, right, bottom


def _parts(folder: Path) -> tuple[dict[str, str], list[tuple[str, Path]]]:
    """The held-out part of each picture, and (picture, file) of those that are in two."""
    parts: dict[str, str] = {}
    overlaps = []
    for file in sorted(folder.glob("*/*.txt")):
        # `val.txt`, but not `dog_val.txt`, which is about one class.
        if (part := part_of(file.stem)) is None or "_" in file.stem:
            continue
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            name = line.split()[0] if line.split() else ""
            if name and parts.setdefault(name, part) != part:
                overlaps.append((name, file))
    return parts, overlaps
