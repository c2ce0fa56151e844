"""Photographs with COCO boxes and panoptic masks, as twelve coarse classes.

Expected folder: `images/*.jpg`, `boxes/*.txt` (category, centre and size as fractions of the image),
`panoptic.json` and `panoptic/*.png`. Photographs without a mask still train detection.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vit_perception.data.classes import COARSE, LABELS, THINGS, thing_of_box
from vit_perception.runtime.results import UNLABELLED

# Share of a photograph that a class has to cover for the photograph to be an example of it.
NOTABLE = 0.01


@dataclass(frozen=True)
class Cutout:
    """One object cut from its photograph.

    Attributes:
        rgb: (h, w, 3) uint8.
        mask: (h, w) bool, true on the object.
        class_id: Index of `LABELS`.
    """

    rgb: np.ndarray
    mask: np.ndarray
    class_id: int


@dataclass(frozen=True)
class Photograph:
    """A photograph and its labels.

    Attributes:
        name: Of the file, without its suffix.
        rgb: (H, W, 3) uint8.
        semantic: (H, W) uint8 class ids, 255 unlabelled.
        boxes: (N, 4) float32 x_min, y_min, x_max, y_max in pixels.
        class_ids: (N,) int64, of the boxes.
        labelled: Whether it has a mask; without one all of `semantic` is unlabelled.
        cutouts: Its objects, to paste into others.
    """

    name: str
    rgb: np.ndarray
    semantic: np.ndarray
    boxes: np.ndarray
    class_ids: np.ndarray
    labelled: bool
    cutouts: tuple[Cutout, ...]


def class_pixels(semantic: np.ndarray) -> np.ndarray:
    """(C,) Number of pixels of each class in a mask; unlabelled ones are not counted."""
    return np.bincount(semantic.ravel(), minlength=256)[: len(LABELS)]


def visible_classes(semantic: np.ndarray, share: float) -> np.ndarray:
    """(C,) bool: the classes that cover more than `share` of a mask, 0 to 1."""
    return np.asarray(class_pixels(semantic) > share * semantic.size)


def _read_boxes(path: Path, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    boxes, class_ids = [], []
    for line in path.read_text().splitlines() if path.exists() else ():
        category, x, y, w, h = (float(value) for value in line.split())
        class_id = thing_of_box(int(category))
        if class_id is None:
            continue
        boxes.append([(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height])
        class_ids.append(class_id)
    return np.array(boxes, np.float32).reshape(-1, 4), np.array(class_ids, np.int64)


def _read_panoptic(
    path: Path, segments: list[dict[str, Any]], rgb: np.ndarray
) -> tuple[np.ndarray, list[Cutout]]:
    colours = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if colours is None:
        raise ValueError(f"{path} is not a readable picture")
    blue, green, red = (colours[..., i].astype(np.int32) for i in range(3))
    ids = red + 256 * green + 65536 * blue
    semantic = np.full(ids.shape, UNLABELLED, np.uint8)
    cutouts = []
    for segment in segments:
        mask = ids == segment["id"]
        class_id = COARSE[segment["category_id"]]
        semantic[mask] = class_id
        x, y, w, h = segment["bbox"]
        if class_id in THINGS and segment["category_id"] < 92 and not segment["iscrowd"] and min(w, h) >= 16:
            window = np.s_[y : y + h, x : x + w]
            cutouts.append(Cutout(rgb[window].copy(), mask[window].copy(), class_id))
    return semantic, cutouts


def load_photographs(folder: str | Path) -> list[Photograph]:
    """Every photograph of a folder, sorted by name, in memory.

    Raises:
        FileNotFoundError: The folder has no photographs.
        ValueError: A file cannot be read.
    """
    folder = Path(folder)
    paths = sorted((folder / "images").glob("*.jpg"))
    if not paths:
        raise FileNotFoundError(
            f"no photographs in {folder / 'images'}: give the folder that holds images/ and boxes/"
        )
    annotations = {}
    for annotation in json.loads((folder / "panoptic.json").read_text())["annotations"]:
        annotations[Path(annotation["file_name"]).stem] = annotation["segments_info"]
    photographs = []
    for path in paths:
        bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if bgr is None:
            raise ValueError(f"{path} is not a readable picture")
        rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        height, width = rgb.shape[:2]
        boxes, class_ids = _read_boxes(folder / "boxes" / f"{path.stem}.txt", height, width)
        semantic, cutouts = np.full((height, width), UNLABELLED, np.uint8), list[Cutout]()
        if labelled := path.stem in annotations:
            semantic, cutouts = _read_panoptic(
                folder / "panoptic" / f"{path.stem}.png", annotations[path.stem], rgb
            )
        photographs.append(Photograph(path.stem, rgb, semantic, boxes, class_ids, labelled, tuple(cutouts)))
    return photographs


def split(photographs: list[Photograph], fraction: float = 0.2) -> tuple[list[Photograph], list[Photograph]]:
    """Split photographs so that every class has about the same share in both parts.

    Rarest class first, a fraction of its photographs is held out (iterative stratification, Sechidis et
    al. 2011), in the order of the hashes of their names: the same files give the same split.

    Args:
        photographs: In any order.
        fraction: Share to hold out, 0 to 1.

    Returns:
        Photographs to train on, and those held out.
    """

    def order(photograph: Photograph) -> str:
        return hashlib.sha256(photograph.name.encode()).hexdigest()

    holders: dict[tuple[str, int], list[Photograph]] = {}
    for photograph in sorted(photographs, key=order):
        for class_id in set(photograph.class_ids.tolist()):
            holders.setdefault(("box", class_id), []).append(photograph)
        for class_id in np.flatnonzero(visible_classes(photograph.semantic, NOTABLE)).tolist():
            holders.setdefault(("mask", class_id), []).append(photograph)
        holders.setdefault(("any", 0), []).append(photograph)
    held, trained = set[str](), set[str]()
    for members in sorted(holders.values(), key=len):
        want = round(len(members) * fraction)
        for photograph in members:
            if photograph.name in held | trained:
                continue
            have = sum(member.name in held for member in members)
            (held if have < want else trained).add(photograph.name)
    return [p for p in photographs if p.name in trained], [p for p in photographs if p.name in held]
