"""One picture as a record of JSON: what the journal of a dataset holds, and its COCO files are made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.formats.reading import ANY
from vit_perception.data.label_space import LabelSpace
from vit_perception.runtime.results import UNLABELLED

# Category ids of COCO begin with 1.
FIRST_CATEGORY = 1
# Thousandths of a pixel, and of a score.
_DIGITS = 3


def objects_of(annotation: Annotation) -> list[dict[str, Any]]:
    """COCO's annotations of the boxes of a picture, without the ids of annotation and picture.

    An ignored box of a class is marked by `iscrowd`, by which pycocotools leaves it out, and `ignore`.
    Ignored boxes of any class have no category and are not here.
    """
    entries: list[dict[str, Any]] = []
    scores = np.ones(len(annotation.boxes)) if annotation.scores is None else annotation.scores
    for place, (box, class_id) in enumerate(zip(annotation.boxes, annotation.class_ids, strict=True)):
        entry = _entry(box, int(class_id))
        if annotation.instances is not None:
            mask = annotation.instances == place + 1
            if mask.any():
                entry["segmentation"] = run_lengths(mask)
                entry["area"] = int(mask.sum())
        if scores[place] != 1:
            entry["score"] = round(float(scores[place]), 4)
        entries.append(entry)
    for box, class_id in zip(annotation.ignored_boxes, annotation.ignored_ids, strict=True):
        if class_id != ANY:
            entries.append({**_entry(box, int(class_id)), "iscrowd": 1, "ignore": 1})
    return entries


def boxes_of_any_class(annotation: Annotation) -> list[list[float]]:
    """`x, y, width, height` of the ignored boxes that may hold any class."""
    return [
        _rounded(box)
        for box, class_id in zip(annotation.ignored_boxes, annotation.ignored_ids, strict=True)
        if class_id == ANY
    ]


def segments_of(annotation: Annotation, space: LabelSpace) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """The panoptic mask of a picture with a semantic one.

    A segment is an object, where objects are told apart, else all pixels of a class; a class of things is
    then a crowd.

    Returns:
        (H, W) int32 ids of the segments, 0 unlabelled; and the `segments_info`.
    """
    semantic = annotation.semantic
    if semantic is None:
        raise ValueError("a picture without a mask has no segments")
    # Of an object count only the pixels whose class is the object's.
    objects = np.zeros(semantic.shape, np.int64)
    if annotation.instances is not None:
        classes = np.append(UNLABELLED, annotation.class_ids)[annotation.instances]
        objects = np.where(classes == semantic, annotation.instances, 0).astype(np.int64)
    keys = np.where(semantic == UNLABELLED, -1, objects * (UNLABELLED + 1) + semantic)
    found, where = np.unique(keys, return_inverse=True)
    first = int(found[0] == -1)
    ids = (where.reshape(semantic.shape) + 1 - first).astype(np.int32)
    infos = []
    for identity, key in enumerate(found[first:].tolist(), start=1):
        number, class_id = divmod(key, UNLABELLED + 1)
        rows, columns = np.nonzero(ids == identity)
        left, top = int(columns.min()), int(rows.min())
        box = [left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1]
        infos.append(
            {
                "id": identity,
                "category_id": class_id + FIRST_CATEGORY,
                "bbox": box,
                "area": len(rows),
                "iscrowd": int(space.labels[class_id].thing and not number),
            }
        )
    return ids, infos


def run_lengths(mask: np.ndarray) -> dict[str, Any]:
    """COCO's compressed run lengths of an (H, W) bool mask."""
    from pycocotools import mask as coco

    runs = coco.encode(np.asfortranarray(mask, np.uint8))
    return {"size": list(mask.shape), "counts": runs["counts"].decode("ascii")}


def check_annotation(annotation: Annotation, space: LabelSpace, size: tuple[int, int]) -> None:
    """Refuse labels that no dataset can hold.

    Args:
        annotation: of a picture.
        space: of the dataset.
        size: (height, width) of the picture.

    Raises:
        ValueError: a class id is not one of the space's, or a map has another size than the picture.
    """
    for what, ids, least in (
        ("the boxes", annotation.class_ids, 0),
        ("the ignored boxes", annotation.ignored_ids, ANY),
        ("the dense labels", () if annotation.dense is None else annotation.dense.knows, 0),
        ("the mask", () if annotation.semantic is None else np.unique(annotation.semantic), 0),
    ):
        wrong = [
            int(one) for one in ids if not least <= one < len(space) and (what, one) != ("the mask", 255)
        ]
        if wrong:
            raise ValueError(f"class id {wrong[0]} of {what} is not 0 to {len(space) - 1}")
    for what in ("semantic", "instances", "depth"):
        values = getattr(annotation, what)
        if values is not None and values.shape != size:
            raise ValueError(f"{what} has shape {values.shape}, its picture {size}: give both one size")


def _entry(box: np.ndarray, class_id: int) -> dict[str, Any]:
    x, y, width, height = _rounded(box)
    area = round(width * height, _DIGITS)
    return {
        "category_id": class_id + FIRST_CATEGORY,
        "bbox": [x, y, width, height],
        "area": area,
        "iscrowd": 0,
    }


def _rounded(box: np.ndarray) -> list[float]:
    left, top, right, bottom = map(float, box)
    return [round(value, _DIGITS) for value in (left, top, right - left, bottom - top)]
