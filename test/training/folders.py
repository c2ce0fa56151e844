"""The drawn pictures as datasets on disk: YOLO with boxes alone, and a folder of masks."""

from __future__ import annotations

from pathlib import Path

import cv2
import yaml

from training.small_dataset import BALL, BOX, EVERYTHING, HEIGHT, SPACE, WIDTH, SmallDataset


def _save(path: Path, rgb) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), rgb if rgb.ndim == 2 else rgb[..., ::-1])


def yolo_folder(folder: Path, count: int = 12, first: int = 0) -> Path:
    """Boxes of `box` and `ball`, and nothing else."""
    drawn = SmallDataset(count, EVERYTHING, first=first)
    for index in range(count):
        name, annotation = drawn.name(index), drawn.annotation(index)
        _save(folder / "images" / "train" / f"{name}.png", drawn.picture(index))
        rows = folder / "labels" / "train" / f"{name}.txt"
        rows.parent.mkdir(parents=True, exist_ok=True)
        rows.write_text(
            "".join(
                f"{class_id} {(x0 + x1) / 2 / WIDTH} {(y0 + y1) / 2 / HEIGHT} {(x1 - x0) / WIDTH} "
                f"{(y1 - y0) / HEIGHT}\n"
                for class_id, (x0, y0, x1, y1) in zip(
                    annotation.class_ids.tolist(), annotation.boxes.tolist(), strict=True
                )
            )
        )
    names = {BOX: "box", BALL: "ball"}
    (folder / "data.yaml").write_text(yaml.safe_dump({"train": "images/train", "names": names}))
    return folder


def mask_folder(folder: Path, count: int = 12, first: int = 100) -> Path:
    """Masks of all four classes, without boxes."""
    drawn = SmallDataset(count, EVERYTHING, first=first)
    for index in range(count):
        name = drawn.name(index)
        _save(folder / "images" / f"{name}.png", drawn.picture(index))
        _save(folder / "masks" / f"{name}.png", drawn.annotation(index).semantic)
    (folder / "labels.yaml").write_text(yaml.safe_dump({"labels": list(SPACE.names)}))
    return folder
