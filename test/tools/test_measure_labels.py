"""Figures of labels, against those computed by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pycocotools")

from measure_labels import measure
from vit_perception.data.annotation import Annotation
from vit_perception.data.label_space import Label, LabelSpace
from vit_perception.data.manifest import Manifest
from vit_perception.data.writer import DatasetWriter


def write(
    folder: Path, name: str, boxes: list[list[float]], mask: list[int], **more: list[list[float]]
) -> Path:
    space = LabelSpace((Label("cup"), Label("floor", coarse="ground"), Label("grass", coarse="ground")))
    annotation = Annotation(
        boxes=np.array(boxes, np.float32),
        class_ids=np.zeros(len(boxes), np.int64),
        ignored_boxes=np.array(more.get("ignored", []), np.float32).reshape(-1, 4),
        ignored_ids=np.zeros(len(more.get("ignored", [])), np.int64),
        semantic=np.repeat(np.array(mask, np.uint8), 8)[None].repeat(32, 0),
    )
    with DatasetWriter(folder, Manifest(space, frozenset({0}), frozenset({0, 1, 2}))) as writer:
        writer.add(name, np.full((32, 32, 3), 200, np.uint8), annotation)
    return folder


def test_figures(tmp_path: Path) -> None:
    people = [[0, 0, 8, 8], [16, 0, 24, 8], [0, 16, 8, 24], [16, 16, 24, 24]]
    truth = write(tmp_path / "true", "below/one", people, [0, 1, 2, 255])
    found = [[0, 0, 8, 8], [0, 0, 8, 9], [16, 0, 24, 7]]
    labelled = write(tmp_path / "found", "one", found, [0, 2, 255, 1], ignored=[[0, 16, 8, 24]])
    lines = measure(labelled, truth)
    assert lines[:2] == [
        "1 pictures",
        "boxes  precision 0.667  recall 0.500  ignored 0.250  of 4 boxes of people",
    ]
    # Two of four are found; COCO takes precision at 101 recalls, 51 of which are reached.
    assert lines[2].startswith("boxes  AP50 ")
    # Two thirds are labelled, in the right group; half of the ground is.
    assert lines[3] == (
        "masks  labelled 0.667  right 1.000  mIoU of 2 groups 1.000, 0.750 with what is unlabelled as wrong"
    )


def test_other_pictures(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, name, [[0, 0, 8, 8]], [0, 0, 0, 0])
    with pytest.raises(ValueError, match="no picture of the same name"):
        measure(tmp_path / "one", tmp_path / "two")
