"""Tiny datasets of every format, made where a test wants them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

HEIGHT, WIDTH = 48, 64
SIZE = (HEIGHT, WIDTH)


def picture(path: Path, size: tuple[int, int] = SIZE) -> Path:
    """A picture, different for each file name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(path.stem.encode())
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3), np.uint8)
    assert cv2.imwrite(str(path), pixels)
    return path


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def coco(*annotations: dict[str, Any], pictures: tuple[str, ...] = ("a", "b")) -> dict[str, Any]:
    """A COCO file of person and car (ids 3 and 7)."""
    return {
        "images": [
            {"id": 10 + place, "file_name": f"{name}.jpg", "height": HEIGHT, "width": WIDTH}
            for place, name in enumerate(pictures)
        ],
        "annotations": [{"id": place, **one} for place, one in enumerate(annotations, start=1)],
        "categories": [{"id": 3, "name": "person"}, {"id": 7, "name": "car"}],
    }


PERSON = {"image_id": 10, "category_id": 3, "bbox": [10, 8, 20, 24], "iscrowd": 0}
CAR = {"image_id": 10, "category_id": 7, "bbox": [40, 20, 16, 10], "iscrowd": 0}


def coco_folder(folder: Path, content: Any | None = None, pictures: tuple[str, ...] = ("a", "b")) -> Path:
    """`instances.json` with an entry a line, beside `images/`."""
    for name in pictures:
        picture(folder / "images" / f"{name}.jpg")
    content = coco(PERSON, CAR) if content is None else content
    text(folder / "instances.json", content if isinstance(content, str) else json.dumps(content, indent=1))
    return folder


def panoptic_folder(folder: Path, name: str = "a") -> Path:
    """`panoptic.json` of person, a thing, and grass, and its PNG: grass, with two persons in it."""
    picture(folder / "images" / f"{name}.jpg")
    ids = np.full(SIZE, 300, np.int64)
    ids[8:32, 10:30] = 70000
    ids[8:20, 40:50] = 5
    ids[:4] = 0
    colours = np.stack([ids & 255, ids >> 8 & 255, ids >> 16], axis=-1).astype(np.uint8)
    (folder / "panoptic").mkdir(parents=True)
    Image.fromarray(colours).save(folder / "panoptic" / f"{name}.png")
    segments = [
        {"id": 300, "category_id": 9, "bbox": [0, 4, 64, 44], "iscrowd": 0},
        {"id": 70000, "category_id": 3, "bbox": [10, 8, 20, 24], "iscrowd": 0},
        {"id": 5, "category_id": 3, "bbox": [40, 8, 10, 12], "iscrowd": 1},
    ]
    content = {
        "images": [{"id": 10, "file_name": f"{name}.jpg", "height": HEIGHT, "width": WIDTH}],
        "annotations": [{"image_id": 10, "file_name": f"{name}.png", "segments_info": segments}],
        "categories": [
            {"id": 3, "name": "person", "isthing": 1},
            {"id": 9, "name": "grass", "isthing": 0},
        ],
    }
    text(folder / "panoptic.json", json.dumps(content, indent=1))
    return folder


def yolo_folder(folder: Path, labels: str = "0 0.5 0.5 0.25 0.5\n2 0.25 0.25 0.5 0.5\n") -> Path:
    """Two pictures to train, of which one has labels, and one to validate."""
    for name in ("train/a", "train/b", "val/c"):
        picture(folder / "images" / f"{name}.jpg")
    text(folder / "labels/train/a.txt", labels)
    text(folder / "labels/val/c.txt", "")
    text(folder / "data.yaml", "train: images/train\nval: images/val\nnames: {0: box, 2: Pallet}\n")
    return folder


def voc_xml(*objects: str) -> str:
    return "<annotation>\n<filename>a.jpg</filename>\n" + "\n".join(objects) + "\n</annotation>\n"


def voc_object(name: str, box: tuple[int, int, int, int], difficult: int = 0) -> str:
    edges = "".join(
        f"<{tag}>{edge}</{tag}>" for tag, edge in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    )
    return (
        f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>{edges}</bndbox>"
        "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part></object>"
    )


def voc_folder(folder: Path, xml: str | None = None) -> Path:
    for name in ("a", "b"):
        picture(folder / "JPEGImages" / f"{name}.jpg")
    objects = voc_object("person", (11, 9, 30, 32)), voc_object("car", (41, 21, 56, 30), difficult=1)
    text(folder / "Annotations/a.xml", voc_xml(*objects) if xml is None else xml)
    text(folder / "Annotations/b.xml", voc_xml())
    text(folder / "ImageSets/Main/val.txt", "b\n")
    text(folder / "ImageSets/Main/person_val.txt", "a 1\n")
    values = np.zeros(SIZE, np.uint8)
    values[8:32, 10:30] = 15  # person
    values[0] = 255
    save_palette(folder / "SegmentationClass" / "a.png", values)
    return folder


def save_palette(path: Path, values: np.ndarray) -> None:
    from vit_perception.data.formats.voc import voc_palette

    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values, mode="P")
    image.putpalette(voc_palette().tobytes())
    image.save(path)


def mask_folder(folder: Path, labels: str = "road: 1\ngrass: 4\n", name: str = "labels.yaml") -> Path:
    """Two pictures, one of them with a mask: road, with grass in it and a row without label."""
    for one in ("a", "b"):
        picture(folder / "images" / f"{one}.jpg")
    values = np.full(SIZE, 1, np.uint8)
    values[8:32, 10:30] = 4
    values[0] = 0
    (folder / "masks").mkdir()
    Image.fromarray(values).save(folder / "masks" / "a.png")
    text(folder / name, labels)
    return folder
