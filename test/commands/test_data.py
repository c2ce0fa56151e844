"""`vit-perception data`: figures, faults, the sheet, and a dataset of our format from any other."""

from __future__ import annotations

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import yaml

from data.material import (
    CAR,
    PERSON,
    coco,
    coco_folder,
    mask_folder,
    panoptic_folder,
    picture,
    text,
    voc_folder,
    yolo_folder,
)
from vit_perception import cli
from vit_perception.data.open import open_dataset


def run(*arguments):
    return cli.main(["data", *map(str, arguments)])


def test_check_counts_and_draws(tmp_path, capsys):
    folder = panoptic_folder(tmp_path / "yard")
    picture(folder / "images/b.jpg")
    text(folder / "boxes/a.txt", "0 0.3125 0.4166667 0.3125 0.5\n")
    sheet = tmp_path / "new/sheet.png"
    assert run("check", folder, "--sheet", sheet) == 0
    printed = capsys.readouterr().out
    assert "coco with boxes, 2 pictures" in printed
    assert "boxes     1 in 1 pictures, 1 ignored" in printed
    assert "masks     1 pictures, 1 of them with single objects" in printed
    assert "labels    2: 1 boxed in every picture, 2 known to the masks" in printed
    lines = {line.split()[0]: line.split()[1:] for line in printed.splitlines() if line.split()}
    assert lines["person"] == ["1", "1", "21.31%"]
    assert lines["grass"] == ["1", "0", "78.69%"]
    assert printed.endswith("No faults\n")
    drawn = cv2.imread(str(sheet))
    assert drawn.shape == (360, 960, 3)
    plain, other = (
        cv2.resize(cv2.imread(str(folder / f"images/{name}.jpg")), (480, 360), interpolation=cv2.INTER_AREA)
        for name in "ab"
    )
    assert np.abs(drawn[:, :480].astype(int) - plain).mean() > 10
    assert (drawn[:, 480:] == other).all()


def test_check_lists_every_fault_and_fails(tmp_path, capsys):
    folder = coco_folder(tmp_path, coco({**PERSON, "category_id": 9}, {**CAR, "bbox": [60, 1, 60, 9]}))
    (folder / "images/b.jpg").unlink()
    assert run("check", folder) == 1
    *_, one, two, three, count = capsys.readouterr().out.splitlines()
    assert one.startswith(f"{folder}/instances.json:17: no category has the id 9")
    assert two.startswith(f"{folder}/instances.json:29: the box from 60, 1, 120, 10 is outside")
    assert three.startswith(f"{folder}/instances.json:9: the picture images/b.jpg is missing")
    assert count == "3 faults"


@pytest.mark.parametrize("make", [coco_folder, panoptic_folder, yolo_folder, voc_folder, mask_folder])
def test_convert_keeps_pictures_names_parts_and_labels(tmp_path, make, capsys):
    pytest.importorskip("pycocotools")
    source = open_dataset(make(tmp_path / "source"))
    assert run("convert", source.folder, "--output", tmp_path / "ours") == 0
    ours = open_dataset(tmp_path / "ours")
    assert ours.space.names == source.space.names
    assert (ours.box_labels, ours.mask_labels) == (source.box_labels, source.mask_labels)
    assert {part: list(numbers) for part, numbers in ours.parts.items()} == {
        part: list(numbers) for part, numbers in source.parts.items()
    }
    assert [ours.name(index) for index in range(len(ours))] == [
        source.name(index) for index in range(len(source))
    ]
    for index in range(len(source)):
        one, other = source.annotation(index), ours.annotation(index)
        np.testing.assert_allclose(one.boxes, other.boxes, atol=0.001)
        np.testing.assert_allclose(one.ignored_boxes, other.ignored_boxes, atol=0.001)
        assert one.class_ids.tolist() == other.class_ids.tolist()
        assert one.ignored_ids.tolist() == other.ignored_ids.tolist()
        assert (one.semantic is None) == (other.semantic is None)
        assert one.semantic is None or (one.semantic == other.semantic).all()
        assert (source.picture(index) == ours.picture(index)).all()
    assert run("check", tmp_path / "ours") == 0


def test_convert_into_a_label_space(tmp_path, capsys):
    space = tmp_path / "space.yaml"
    space.write_text(yaml.safe_dump({"labels": ["tree", {"name": "crate", "aliases": ["box"]}]}))
    folder = yolo_folder(tmp_path / "yolo")
    assert run("convert", folder, "--output", tmp_path / "ours", "--labels", space) == 0
    assert "and so ignored: pallet" in capsys.readouterr().err
    ours = open_dataset(tmp_path / "ours")
    assert (ours.space.names, ours.box_labels) == (("tree", "crate"), {1})
    found = ours.annotation(0)
    assert (found.class_ids.tolist(), found.ignored_ids.tolist()) == ([1], [-1])
    # Once more: everything is done already.
    before = (tmp_path / "ours/instances.json").read_bytes()
    assert run("convert", folder, "--output", tmp_path / "ours", "--labels", space) == 0
    assert (tmp_path / "ours/instances.json").read_bytes() == before


def test_bad_data_is_one_sentence(tmp_path, capsys):
    broken = coco_folder(tmp_path / "broken", json.dumps(coco({**PERSON, "category_id": 9})))
    yolo = yolo_folder(tmp_path / "yolo")
    for arguments, reason in (
        (("check", tmp_path / "none"), "does not exist: give the folder of a dataset"),
        (("check", tmp_path), "is a dataset of no known format, which are: ours"),
        (("convert", broken, "--output", tmp_path / "a"), "instances.json:1: no category has the id 9"),
        (("convert", yolo, "--output", yolo), "is not empty, and holds no dataset to go on with"),
        (("convert", yolo, "--output", tmp_path / "b", "--labels", tmp_path / "c"), "no label space at"),
    ):
        assert run(*arguments) == 1
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert line.startswith("vit-perception: ")
        assert reason in line


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom vit_perception.cli import main\n"
        "try: main(['data', 'check', '--help'])\n"
        "finally: print(sorted({'torch', 'rosbags', 'rclpy', 'pycocotools'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert printed.splitlines()[-1] == "[]"
