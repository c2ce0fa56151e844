"""COCO's panoptic masks: a PNG whose colours are the ids of segments, and a list of what these are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vit_perception.data.dataset import Fault
from vit_perception.data.formats.coco_file import CocoFile
from vit_perception.data.formats.coco_objects import box_of, class_of
from vit_perception.data.formats.reading import RawLabels, Report, read_mask
from vit_perception.runtime.results import UNLABELLED

# Ids below this are looked up in a table.
_FEW = 1 << 16


@dataclass(frozen=True)
class Segment:
    """One segment of a panoptic mask.

    Attributes:
        class_id: of its pixels.
        box: `x_min, y_min, x_max, y_max`; None where the file has none.
        crowd: whether it is a group of objects that nobody told apart.
        number: its value in `PanopticMask.segments`.
        place: in the JSON file.
    """

    class_id: int
    box: tuple[float, float, float, float] | None
    crowd: bool
    number: int
    place: int


@dataclass(frozen=True)
class PanopticMask:
    """What is in a picture, by pixel.

    Attributes:
        semantic: (H, W) uint8 class ids, 255 unlabelled.
        numbers: (H, W) numbers of the segments, 0 unlabelled.
        segments: the segments.
    """

    semantic: np.ndarray
    numbers: np.ndarray
    segments: tuple[Segment, ...]


def read_panoptic(
    file: CocoFile,
    index: int,
    folder: Path,
    classes: Mapping[int, int],
    size: tuple[int, int],
    report: Report,
) -> PanopticMask | None:
    """The panoptic mask of a picture; None: it has none, or it cannot be read, which is reported.

    Args:
        file: with panoptic annotations.
        index: of the picture in the file.
        folder: of the PNGs.
        classes: category id → class id.
        size: (height, width) of the picture.
        report: for what is wrong, which is left unlabelled.
    """
    for annotation, place in file.annotations(index):
        name, infos = annotation.get("file_name"), annotation.get("segments_info")
        if not isinstance(name, str) or not isinstance(infos, list):
            reason = "a panoptic annotation needs a file_name and segments_info"
            report(Fault(file.path, file.line_of(place), reason))
            return None
        ids = _read_ids(folder / name, size, report)
        if ids is None:
            return None
        segments: dict[int, Segment] = {}
        for number, info in enumerate(infos, start=1):
            try:
                identity = info["id"]
                if not isinstance(identity, int) or identity < 1 or identity in segments:
                    raise ValueError(
                        f"a segment has the id {identity!r}: give each a number of its own, from 1"
                    )
                box = box_of(info) if "bbox" in info else None
                crowd = bool(info.get("iscrowd"))
                segments[identity] = Segment(class_of(info, classes), box, crowd, number, place)
            except (ValueError, TypeError, KeyError) as error:
                reason = str(error) if isinstance(error, ValueError) else "a segment needs an id"
                report(Fault(file.path, file.line_of(place), reason))
        return _mask(ids, segments, folder / name, report)
    return None


def add_segments(raw: RawLabels, mask: PanopticMask, boxed: frozenset[int]) -> None:
    """Add boxes of the segments, and `instances`.

    Args:
        raw: to which they are added.
        mask: with the segments.
        boxed: class ids of things.
    """
    values = np.zeros(max((segment.number for segment in mask.segments), default=0) + 1, np.uint16)
    for segment in mask.segments:
        if segment.class_id in boxed and segment.box is not None:
            values[segment.number] = raw.add(
                segment.box, segment.class_id, segment.place, ignored=segment.crowd
            )
    raw.instances = values[mask.numbers]


def panoptic_folder(json_file: Path, folder: Path) -> Path:
    """Where the PNGs of a panoptic JSON file are, as COCO has it or beside it."""
    beside = json_file.parent
    places = (beside / json_file.stem, folder / json_file.stem, beside / "panoptic", folder / "panoptic")
    return next((place for place in places if place.is_dir()), folder / "panoptic")


def _read_ids(path: Path, size: tuple[int, int], report: Report) -> np.ndarray | None:
    colours = read_mask(path, size, report)
    if colours is None:
        return None
    if colours.ndim != 3 or colours.dtype != np.uint8:
        report(Fault(path, None, "a panoptic mask is a PNG of 24-bit colour: this one is not"))
        return None
    return colours.astype(np.int32) @ np.array([1, 1 << 8, 1 << 16], np.int32)


def _mask(ids: np.ndarray, segments: dict[int, Segment], png: Path, report: Report) -> PanopticMask:
    present, where = _numbered(ids)
    unknown = [int(identity) for identity in present if identity and int(identity) not in segments]
    if unknown:
        reason = f"the mask has pixels of segment {unknown[0]}, which is not in segments_info: add it"
        report(Fault(png, None, reason))
    for identity in sorted(segments.keys() - set(present.tolist())):
        report(
            Fault(png, None, f"the mask has no pixels of segment {identity}: delete it from segments_info")
        )
    found = [segments.get(int(identity)) for identity in present]
    classes = np.array([UNLABELLED if one is None else one.class_id for one in found], np.uint8)
    numbers = np.array([0 if one is None else one.number for one in found], np.int32)
    return PanopticMask(classes[where], numbers[where], tuple(segments.values()))


def _numbered(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ids that there are, ascending, and of each pixel (H, W) the place of its id among them."""
    if ids.max(initial=0) < _FEW:  # ten times as fast as sorting the pixels
        present = np.flatnonzero(np.bincount(ids.ravel()))
        places = np.zeros(_FEW, np.int32)
        places[present] = np.arange(len(present))
        return present, places[ids]
    present, where = np.unique(ids, return_inverse=True)
    return present, where.reshape(ids.shape)
