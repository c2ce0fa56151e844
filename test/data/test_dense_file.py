"""Dense labels on disk and in another label space."""

from dataclasses import fields

import numpy as np
import pytest

from data.material import SIZE
from vit_perception.data.annotation import Annotation
from vit_perception.data.dense import NO_CLASS, Dense
from vit_perception.data.dense_file import DENSE
from vit_perception.data.joined import JoinedDataset
from vit_perception.data.label_space import Label, LabelSpace
from vit_perception.data.manifest import Manifest
from vit_perception.data.open import open_dataset
from vit_perception.data.packs.scale import scaled_annotation
from vit_perception.data.writer import DatasetWriter

SPACE = LabelSpace((Label("person"), Label("car"), Label("bus"), Label("grass", thing=False)))
LABELS = Dense(
    knows=np.array([0, 1, 2]),
    origin=np.array([3, 0], np.float32),
    strides=np.array([[8, 8.5], [16, 17]], np.float32),
    levels=np.array([0, 1]),
    cells=np.array([[5, 2], [300, 1]]),
    boxes=np.array([[1, 2, 30, 40], [0.5, 0, 60, 44]], np.float32),
    class_ids=np.array([[2, 1, 0], [0, NO_CLASS, NO_CLASS]]),
    scores=np.array([[0.75, 0.25, 0.125], [0.5, 0, 0]], np.float32),
)


def write(folder, labels=LABELS):
    with DatasetWriter(folder, Manifest(SPACE, frozenset({0, 1, 2}), frozenset())) as writer:
        writer.add("hall/a", np.zeros((*SIZE, 3), np.uint8), Annotation(dense=labels))
        writer.add("b", np.zeros((*SIZE, 3), np.uint8), Annotation())
    return folder


def test_what_is_written_is_read_again(tmp_path):
    dataset = open_dataset(write(tmp_path / "set"))
    assert dataset.annotation(0).dense is None
    found = dataset.annotation(1).dense
    for field in fields(Dense):
        np.testing.assert_array_equal(getattr(found, field.name), getattr(LABELS, field.name), field.name)
    assert not list(dataset.faults())


def test_a_picture_in_which_the_detector_saw_nothing(tmp_path):
    nothing = LABELS.kept(np.zeros(2, bool))
    found = open_dataset(write(tmp_path / "set", nothing)).annotation(1).dense
    assert len(found.cells) == 0
    assert found.knows.tolist() == [0, 1, 2]


def test_a_damaged_file_is_a_fault(tmp_path):
    folder = write(tmp_path / "set")
    file = folder / DENSE / "hall" / "a.npz"
    file.write_bytes(file.read_bytes()[:-40])
    (fault,) = open_dataset(folder).faults()
    assert fault.file == file
    assert "cannot be read" in fault.reason
    with pytest.raises(ValueError, match="delete the file"):
        open_dataset(folder).annotation(1)


def test_a_picture_that_is_made_smaller():
    found = scaled_annotation(Annotation(dense=LABELS), (100, 200), (50, 50)).dense
    np.testing.assert_array_equal(found.strides, [[2, 4.25], [4, 8.5]])
    np.testing.assert_array_equal(found.boxes[0], [0.25, 1, 7.5, 20])
    np.testing.assert_array_equal(found.origin, [0.75, 0])


def test_classes_of_another_space(tmp_path):
    dataset = open_dataset(write(tmp_path / "set"))
    vehicles = LabelSpace((Label("vehicle", aliases=("car", "bus")), Label("tree")))
    coarse = JoinedDataset([dataset], vehicles).annotation(1).dense
    assert coarse.knows.tolist() == [0]
    assert coarse.class_ids.tolist() == [[0, 0, NO_CLASS]], "the cell of a person alone is gone"
    np.testing.assert_array_equal(coarse.scores, [[0.75, 0.25, 0]])


def test_a_class_is_known_only_if_all_that_became_it_is(tmp_path):
    known = LABELS.renamed(np.arange(256), np.array([0, 1]))
    dataset = open_dataset(write(tmp_path / "set", known))
    joined = JoinedDataset([dataset], LabelSpace((Label("vehicle", aliases=("car", "bus")), Label("person"))))
    assert joined.annotation(1).dense.knows.tolist() == [1]
