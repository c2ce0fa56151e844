"""Several datasets in one label space: what is mapped, dropped and unknown."""

import numpy as np
import pytest

from data.material import SIZE, mask_folder, voc_folder, yolo_folder
from vit_perception.data.annotation import Annotation
from vit_perception.data.joined import JoinedDataset
from vit_perception.data.label_space import Label, LabelSpace
from vit_perception.data.open import open_dataset

SPACE = LabelSpace(
    (Label("pallet"), Label("ground", aliases=("road", "floor")), Label("person"), Label("car"))
)


@pytest.fixture
def joined(tmp_path):
    folders = yolo_folder(tmp_path / "yolo"), mask_folder(tmp_path / "masks"), voc_folder(tmp_path / "voc")
    return JoinedDataset([open_dataset(folder) for folder in folders], SPACE)


def test_names_are_unique_and_numbers_go_on(joined):
    names = [joined.name(index) for index in range(len(joined))]
    assert names == ["yolo/train/a", "yolo/train/b", "yolo/val/c", "masks/a", "masks/b", "voc/a", "voc/b"]
    assert joined.picture_file(5).name == "a.jpg"
    assert joined.picture(6).shape == (*SIZE, 3)
    for index in (-1, 7):
        with pytest.raises(IndexError):
            joined.name(index)


def test_folders_of_one_name(tmp_path):
    folders = yolo_folder(tmp_path / "one/set"), mask_folder(tmp_path / "two/set")
    joined = JoinedDataset([open_dataset(folder) for folder in folders], SPACE)
    assert (joined.name(0), joined.name(3)) == ("set-1/train/a", "set-2/a")
    assert JoinedDataset([open_dataset(folders[0])], SPACE).name(0) == "train/a"


def test_class_ids_are_mapped_and_what_the_space_does_not_have_is_ignored(joined):
    yolo = joined.annotation(0)
    assert (yolo.boxes.tolist(), yolo.class_ids.tolist(), yolo.scores.tolist()) == (
        [[0, 0, 32, 24]],
        [0],
        [1],
    )
    assert (yolo.ignored_boxes.tolist(), yolo.ignored_ids.tolist()) == ([[24, 12, 40, 36]], [-1])
    masks = joined.annotation(3)
    assert (masks.semantic[0, 0], masks.semantic[1, 1], masks.semantic[10, 12]) == (255, 1, 255)
    voc = joined.annotation(5)
    assert (voc.class_ids.tolist(), voc.ignored_ids.tolist()) == ([2], [3])
    assert joined.dropped[:2] == [("box",), ("grass",)]


def test_what_a_dataset_does_not_label_is_unknown_in_its_pictures(joined):
    names = np.array(SPACE.names)
    assert [list(names[joined.known_boxes(index)]) for index in (0, 3, 5)] == [
        ["pallet"],
        [],
        ["person", "car"],
    ]
    assert [list(names[joined.known_mask(index)]) for index in (0, 3, 5)] == [
        [],
        ["ground"],
        ["person", "car"],
    ]


class Fake:
    """A dataset with one annotation."""

    format = "fake"
    parts: dict = {}  # noqa: RUF012

    def __init__(self, folder, names, annotation, boxed=()):
        self.folder, self.space, self.found = folder, LabelSpace.of_names(names), annotation
        self.box_labels, self.mask_labels = frozenset(boxed), frozenset()

    def __len__(self):
        return 1

    def annotation(self, index):
        return self.found


def test_a_class_is_known_only_if_all_that_became_it_is(tmp_path):
    space = LabelSpace((Label("vehicle", aliases=("car", "truck")), Label("dog")))
    joined = JoinedDataset([Fake(tmp_path, ("car", "truck", "dog"), Annotation(), boxed=(0, 2))], space)
    assert joined.known_boxes(0).tolist() == [False, True]


def test_stuff_in_a_group_needs_no_boxes_but_may_be_there_without_one(tmp_path):
    space = LabelSpace((Label("furniture", aliases=("chair", "shelf")), Label("dog")))
    dataset = Fake(tmp_path, ("chair", "shelf", "dog"), Annotation(), boxed=(0, 2))
    dataset.space = LabelSpace((Label("chair"), Label("shelf", thing=False), Label("dog")))
    joined = JoinedDataset([dataset], space)
    assert joined.known_boxes(0).tolist() == [True, True]
    assert joined.known_absent(0).tolist() == [False, True]


def test_instances_are_counted_again_when_a_box_is_dropped(tmp_path):
    instances = np.array([[0, 1, 2, 3]], np.uint16)
    boxes = np.arange(12, dtype=np.float32).reshape(3, 4)
    annotation = Annotation(boxes, np.array([0, 1, 2]), instances=instances)
    joined = JoinedDataset(
        [Fake(tmp_path, ("car", "forklift", "dog"), annotation)], LabelSpace.of_names(["dog", "car"])
    )
    found = joined.annotation(0)
    assert (found.class_ids.tolist(), found.instances.tolist()) == ([1, 0], [[0, 1, 0, 2]])
    assert found.boxes.tolist() == boxes[[0, 2]].tolist()


def test_held_out_parts_are_joined_by_name(joined):
    assert {part: numbers.tolist() for part, numbers in joined.parts.items()} == {"val": [2, 6]}
    assert joined.training().tolist() == [0, 1, 3, 4, 5]


def test_what_cannot_be_joined(tmp_path):
    with pytest.raises(ValueError, match="no dataset to join"):
        JoinedDataset([], SPACE)
    with pytest.raises(ValueError, match=r"none of the labels of .*yolo \(box, pallet\) is in the label"):
        JoinedDataset([open_dataset(yolo_folder(tmp_path / "yolo"))], LabelSpace.of_names(["sky"]))
