"""What COCO's annotations of objects say: boxes, and masks from polygons or run lengths."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vit_perception.data.dataset import Fault
from vit_perception.data.formats.coco_file import CocoFile
from vit_perception.data.formats.reading import RawLabels, Report
from vit_perception.runtime.results import UNLABELLED


def add_objects(
    raw: RawLabels,
    file: CocoFile,
    index: int,
    classes: Mapping[int, int],
    size: tuple[int, int],
    report: Report,
) -> None:
    """Add the boxes of a picture, and its mask and instances where objects have masks.

    Args:
        raw: to which they are added.
        file: with annotations of objects.
        index: of the picture in the file.
        classes: category id → class id.
        size: (height, width) of the picture.
        report: for what is wrong, which is left out.
    """
    raw.line_of = file.line_of
    masks: list[np.ndarray | None] = []
    for annotation, place in file.annotations(index):
        try:
            class_id = class_of(annotation, classes)
            box = box_of(annotation)
            mask = _mask(annotation.get("segmentation"), size)
            score = annotation.get("score", 1.0)
            if not _is_number(score):
                raise ValueError(f"score is {score!r}: give a number from 0 to 1")
        except ValueError as error:
            report(Fault(file.path, file.line_of(place), str(error)))
            continue
        ignored = bool(annotation.get("iscrowd") or annotation.get("ignore"))
        raw.add(box, class_id, place, score, ignored)
        masks.append(mask)
    paint_objects(raw, masks, size)


def paint_objects(raw: RawLabels, masks: Sequence[np.ndarray | None], size: tuple[int, int]) -> None:
    """Fill `semantic` and `instances` from masks of objects; small ones are in front of large ones.

    Args:
        raw: with a box for each mask.
        masks: (H, W) bool each; None: the object has none. If no object has one, nothing is filled.
        size: (height, width) of the picture.
    """
    areas = {place: int(mask.sum()) for place, mask in enumerate(masks) if mask is not None}
    if not areas:
        return
    raw.semantic = np.full(size, UNLABELLED, np.uint8)
    raw.instances = np.zeros(size, np.uint16)
    for place in sorted(areas, key=lambda place: -areas[place]):
        mask = masks[place]
        raw.semantic[mask] = raw.class_ids[place]
        raw.instances[mask] = place + 1


def filled(polygons: list[list[float]], size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool, true inside a polygon, as pycocotools fills them.

    Args:
        polygons: x and y in turn, in pixels, of at least three points each.
        size: (height, width) of the mask.

    Raises:
        ValueError: a point is further outside than the picture is large: pycocotools would need memory for
            the whole way to it, and crash.
    """
    from pycocotools import mask as coco

    side = max(size)
    if any(not -side <= value <= 2 * side for polygon in polygons for value in polygon):
        raise ValueError("a polygon has a point far outside the picture")
    return np.asarray(coco.decode(coco.merge(coco.frPyObjects(polygons, *size)))).astype(bool)


def class_of(entry: Mapping[str, Any], classes: Mapping[int, int]) -> int:
    """Class id of an annotation or a segment.

    Raises:
        ValueError: its category is unknown.
    """
    category = entry.get("category_id")
    if not isinstance(category, int) or category not in classes:
        raise ValueError(f"no category has the id {category!r}: add it to categories, or correct category_id")
    return classes[category]


def box_of(entry: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """`x_min, y_min, x_max, y_max` of an entry with a `bbox`.

    Raises:
        ValueError: it has none, or not four numbers.
    """
    box = entry.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        raise ValueError(f"bbox is {box!r}: give x, y, width and height in pixels")
    x, y, width, height = map(float, box)
    return x, y, x + width, y + height


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _mask(segmentation: Any, size: tuple[int, int]) -> np.ndarray | None:
    """(H, W) bool of polygons, or of run lengths, compressed or not; None where there are none."""
    if not segmentation:
        return None
    from pycocotools import mask as coco

    if isinstance(segmentation, dict):
        runs = _checked_runs(segmentation, size)
        return np.asarray(coco.decode(runs)).astype(bool)
    if isinstance(segmentation, list):
        for polygon in segmentation:
            if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
                raise ValueError("a polygon needs x and y of at least three points")
            if not all(map(_is_number, polygon)):
                raise ValueError("a polygon has a coordinate that is not a number")
        return filled(segmentation, size)
    raise ValueError("segmentation is neither polygons nor run lengths")


def _checked_runs(segmentation: dict[str, Any], size: tuple[int, int]) -> Any:
    """Compressed run lengths. All is checked before pycocotools, whose C code trusts them."""
    from pycocotools import mask as coco

    counts = segmentation.get("counts")
    if segmentation.get("size") != list(size):
        raise ValueError(
            f"the mask has size {segmentation.get('size')!r}, its picture {list(size)}: give both one size"
        )
    if isinstance(counts, str):
        lengths = _decompressed(counts)
    elif isinstance(counts, list) and all(isinstance(count, int) for count in counts):
        lengths = counts
    else:
        raise ValueError("the counts of a mask are neither a text nor a list of whole numbers")
    if min(lengths, default=-1) < 0 or sum(lengths) != size[0] * size[1]:
        raise ValueError("the counts of a mask do not sum up to the pixels of its picture")
    return coco.frPyObjects({"size": list(size), "counts": lengths}, *size)


def _decompressed(text: str) -> list[int]:
    """Run lengths of COCO's compressed form: groups of five bits, lowest first, from the third run on as the
    difference to the run before the last."""
    counts: list[int] = []
    value = shift = 0
    for letter in text.encode("ascii", "replace"):
        code = letter - 48
        if not 0 <= code < 64:
            raise ValueError("the counts of a mask have a letter that is not of COCO's alphabet")
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("the counts of a mask are cut off")
    return counts
