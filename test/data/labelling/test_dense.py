"""`vit-perception label --dense`: what a detector sees in every cell, in pixels of the picture."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("openvino")
pytest.importorskip("onnx")
if importlib.util.find_spec("ensemble_boxes") is None:
    pytest.skip("ensemble-boxes is not installed", allow_module_level=True)

from data.teachers.tiny_teachers import write_detector, write_grid_detector, write_segmenter
from vit_perception.cli import main
from vit_perception.data.annotation import Annotation
from vit_perception.data.dense import NO_CLASS
from vit_perception.data.label_space import Label, LabelSpace, read_label_space
from vit_perception.data.manifest import Manifest
from vit_perception.data.open import open_dataset
from vit_perception.data.writer import DatasetWriter
from vit_perception.viz.pictures import write_picture

PERSON, DOG = (read_label_space().id_of(name) for name in ("person", "dog"))


def picture(number: int) -> np.ndarray:
    """48 x 64 pixels, of which a cell of the detector covers 16 x 16; one cell is red, one a little green."""
    image = np.full((48, 64, 3), (0, 0, 90), np.uint8)
    image[16:32, 48:64, 0] = 200 + number
    image[32:48, 0:16, 1] = 20
    return image


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for number in range(6):
        write_picture(tmp_path / "pictures" / f"{number}.png", picture(number))
    return tmp_path / "pictures"


def label(source: Path, output: Path, *more: str) -> int:
    return main(["label", str(source), "--output", str(output), *more])


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_the_cells_of_a_detector_are_kept(pictures: Path, tmp_path: Path) -> None:
    teachers = [str(write(tmp_path / "teachers")) for write in (write_detector, write_grid_detector)]
    assert label(pictures, tmp_path / "out", "--dense", "--workers", "1", "--teachers", *teachers) == 0
    dataset = open_dataset(tmp_path / "out")
    assert not list(dataset.faults())
    dense = dataset.annotation(3).dense
    assert dense is not None
    np.testing.assert_array_equal(dense.strides, [[16, 16]])
    np.testing.assert_array_equal(dense.origin, [0, 0])
    assert dense.knows.tolist() == sorted([PERSON, DOG])
    # White below the picture is padding, although the detector sees a person in it.
    np.testing.assert_array_equal(dense.cells, [[3, 1], [0, 2]])
    np.testing.assert_array_equal(dense.boxes, [[48, 16, 64, 32], [0, 32, 16, 48]])
    assert dense.class_ids[:, 0].tolist() == [PERSON, DOG]
    assert (dense.class_ids[:, 1:] == NO_CLASS).all()
    np.testing.assert_allclose(dense.scores[:, 0], [203 / 255, 20 / 255], atol=2e-3)


def test_the_number_of_workers_changes_nothing(pictures: Path, tmp_path: Path) -> None:
    teacher = str(write_grid_detector(tmp_path / "teachers"))
    for workers in ("1", "2"):
        label(pictures, tmp_path / workers / "set", "--dense", "--workers", workers, "--teachers", teacher)
    found = files(tmp_path / "1" / "set")
    assert found == files(tmp_path / "2" / "set")
    assert sum(name.startswith("dense/") for name in found) == 6
    assert max(len(content) for name, content in found.items() if name.startswith("dense/")) < 1500


def test_without_the_option_nothing_is_kept_and_a_detector_without_cells_is_refused(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teacher = str(write_grid_detector(tmp_path / "teachers"))
    assert label(pictures, tmp_path / "out", "--workers", "1", "--teachers", teacher) == 0
    assert not (tmp_path / "out" / "dense").exists()
    others = [str(write(tmp_path / "teachers")) for write in (write_detector, write_segmenter)]
    assert label(pictures, tmp_path / "more", "--dense", "--teachers", *others) == 1
    assert "finder, painter give no dense labels" in capsys.readouterr().err


def test_classes_that_people_have_boxed_are_left_out(tmp_path: Path) -> None:
    space = LabelSpace((Label("dog"), Label("tree")))
    with DatasetWriter(tmp_path / "real", Manifest(space, frozenset({0}), frozenset())) as writer:
        boxes = np.array([[0, 0, 20, 20]], np.float32)
        writer.add("a", picture(0), Annotation(boxes, np.array([0])))
    teacher = str(write_grid_detector(tmp_path / "teachers"))
    assert label(tmp_path / "real", tmp_path / "out", "--dense", "--workers", "1", "--teachers", teacher) == 0
    dense = open_dataset(tmp_path / "out").annotation(0).dense
    assert dense is not None
    assert dense.knows.tolist() == [PERSON]
    assert dense.class_ids[:, 0].tolist() == [PERSON]
