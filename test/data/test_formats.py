"""What each format reads from a tiny dataset of its own."""

import json

import numpy as np
import pytest
from PIL import Image

from data.material import (
    CAR,
    HEIGHT,
    PERSON,
    SIZE,
    coco,
    coco_folder,
    mask_folder,
    panoptic_folder,
    picture,
    text,
    voc_folder,
    yolo_folder,
)
from vit_perception.data.open import FORMATS, open_dataset
from vit_perception.viz.pictures import read_picture

PERSON_BOX, CAR_BOX = [10, 8, 30, 32], [40, 20, 56, 30]


def by_name(dataset, name):
    (index,) = (index for index in range(len(dataset)) if dataset.name(index) == name)
    return index


def names_of(dataset, ids):
    return {dataset.space.names[one] for one in ids}


def test_coco_boxes(tmp_path):
    dataset = open_dataset(coco_folder(tmp_path))
    assert (dataset.format, len(dataset), dataset.space.names) == ("coco", 2, ("person", "car"))
    found = dataset.annotation(by_name(dataset, "a"))
    assert found.boxes.tolist() == [PERSON_BOX, CAR_BOX]
    assert (found.class_ids.tolist(), found.scores.tolist()) == ([0, 1], [1, 1])
    assert found.semantic is None
    assert found.instances is None
    assert len(dataset.annotation(by_name(dataset, "b")).boxes) == 0
    assert (dataset.box_labels, dataset.mask_labels) == ({0, 1}, frozenset())
    assert (dataset.picture(0) == read_picture(tmp_path / "images/a.jpg")).all()
    assert list(dataset.faults()) == []


def test_coco_crowds_and_ignored_objects_are_ignored_boxes(tmp_path):
    content = coco({**PERSON, "iscrowd": 1}, {**CAR, "ignore": 1}, {**CAR, "score": 0.5})
    found = open_dataset(coco_folder(tmp_path, content)).annotation(0)
    assert (found.class_ids.tolist(), found.scores.tolist()) == ([1], [0.5])
    assert (found.ignored_boxes.tolist(), found.ignored_ids.tolist()) == ([PERSON_BOX, CAR_BOX], [0, 1])


def rle(mask):
    """COCO's uncompressed run lengths."""
    flat = np.concatenate([[0], mask.T.ravel(), [2]])
    changes = np.flatnonzero(np.diff(flat))
    return {"size": list(mask.shape), "counts": np.diff([0, *changes]).tolist()}


@pytest.mark.parametrize("kind", ["polygon", "runs", "compressed"])
def test_coco_masks_of_objects(tmp_path, kind):
    mask = pytest.importorskip("pycocotools.mask")
    person, car = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
    person[8:32, 10:30] = True
    car[20:30, 20:40] = True  # smaller, and so in front
    segmentation = {"polygon": [[10, 8, 30, 8, 30, 32, 10, 32]], "runs": rle(person)}.get(kind)
    if kind == "compressed":
        runs = mask.encode(np.asfortranarray(person, np.uint8))
        segmentation = {**runs, "counts": runs["counts"].decode()}
    content = coco({**PERSON, "segmentation": segmentation}, {**CAR, "segmentation": rle(car)})
    dataset = open_dataset(coco_folder(tmp_path, content))
    found = dataset.annotation(0)
    expected = np.where(car, 2, np.where(person, 1, 0))
    assert (found.instances == expected).all()
    assert (found.semantic == np.array([255, 0, 1])[expected]).all()
    assert dataset.mask_labels == {0, 1}


def test_coco_panoptic_alone(tmp_path):
    dataset = open_dataset(panoptic_folder(tmp_path))
    found = dataset.annotation(0)
    assert (names_of(dataset, dataset.box_labels), names_of(dataset, dataset.mask_labels)) == (
        {"person"},
        {"person", "grass"},
    )
    assert (found.boxes.tolist(), found.ignored_boxes.tolist()) == ([PERSON_BOX], [[40, 8, 50, 20]])
    person, grass = dataset.space.id_of("person"), dataset.space.id_of("grass")
    assert found.semantic[2, 2] == 255
    assert (found.semantic[10, 12], found.semantic[10, 45], found.semantic[40, 3]) == (person, person, grass)
    assert (found.instances[10, 12], found.instances[10, 45], found.instances[40, 3]) == (1, 0, 0)
    assert list(dataset.faults()) == []


def test_coco_s_own_layout_joins_objects_and_masks_and_holds_out_val(tmp_path):
    panoptic_folder(tmp_path / "made")
    for split, pictures in {"train2017": ("a", "c"), "val2017": ("b",)}.items():
        for name in pictures:
            picture(tmp_path / split / f"{name}.jpg")
        content = coco(PERSON, CAR, pictures=pictures)
        text(tmp_path / f"annotations/instances_{split}.json", json.dumps(content))
    text(tmp_path / "annotations/captions_train2017.json", "{")
    annotations = tmp_path / "annotations"
    (tmp_path / "made/panoptic.json").rename(annotations / "panoptic_train2017.json")
    (tmp_path / "made/panoptic").rename(annotations / "panoptic_train2017")
    dataset = open_dataset(tmp_path)
    assert [dataset.name(index) for index in range(3)] == ["train2017/a", "train2017/c", "val2017/b"]
    assert {part: numbers.tolist() for part, numbers in dataset.parts.items()} == {"val": [2]}
    found = dataset.annotation(0)
    assert names_of(dataset, found.class_ids) == {"person", "car"}
    assert names_of(dataset, set(np.unique(found.semantic)) - {255}) == {"person", "grass"}
    assert dataset.annotation(1).semantic is None
    assert list(dataset.faults()) == []


def test_coco_beside_its_pictures(tmp_path):
    for split in ("train", "valid"):
        picture(tmp_path / split / "a.jpg")
        text(tmp_path / split / "_annotations.coco.json", json.dumps(coco(PERSON, pictures=("a",))))
    dataset = open_dataset(tmp_path)
    assert [dataset.name(index) for index in range(2)] == ["train/a", "valid/a"]
    assert dataset.parts["val"].tolist() == [1]
    assert dataset.annotation(1).boxes.tolist() == [PERSON_BOX]


def test_photographs_with_boxes_and_panoptic_masks(tmp_path):
    panoptic_folder(tmp_path)
    picture(tmp_path / "images/b.jpg")
    text(tmp_path / "boxes/a.txt", "0 0.3125 0.4166667 0.3125 0.5\n0 0.9 0.9 0.1 0.1\n")
    dataset = open_dataset(tmp_path)
    assert (dataset.format, len(dataset)) == ("coco with boxes", 2)
    found = dataset.annotation(0)
    assert found.boxes[0] == pytest.approx(PERSON_BOX, abs=0.01)
    assert (found.instances[10, 12], found.instances.max()) == (1, 1)
    assert found.ignored_boxes.tolist() == [[40, 8, 50, 20]]
    assert dataset.annotation(1).semantic is None
    assert list(dataset.faults()) == []


def test_yolo(tmp_path):
    dataset = open_dataset(yolo_folder(tmp_path))
    assert (dataset.format, dataset.space.names) == ("yolo", ("box", "pallet"))
    assert [dataset.name(index) for index in range(3)] == ["train/a", "train/b", "val/c"]
    found = dataset.annotation(0)
    assert found.boxes.tolist() == [[24, 12, 40, 36], [0, 0, 32, 24]]
    assert found.class_ids.tolist() == [0, 1]
    assert len(dataset.annotation(1).boxes) == 0
    assert dataset.box_labels == {0, 1}
    assert dataset.parts["val"].tolist() == [2]
    assert list(dataset.faults()) == []


def test_yolo_polygons_scores_and_lists_of_pictures(tmp_path):
    folder = yolo_folder(tmp_path, "0 0 0 0.5 0 0.5 0.5 0 0.5\n2 0.5 0.5 0.25 0.5 0.75\n")
    text(
        folder / "data.yaml",
        "path: elsewhere\ntrain: ../images/train\nval: val.txt\nnames: [box, x, pallet]\n",
    )
    text(folder / "val.txt", "./images/val/c.jpg\n")
    dataset = open_dataset(folder)
    found = dataset.annotation(0)
    assert found.boxes.tolist() == [[0, 0, 32, 24], [24, 12, 40, 36]]
    assert found.scores.tolist() == [1, 0.75]
    assert (found.instances[:24, :32] == 1).all()
    assert found.instances.sum() == 24 * 32
    assert (len(dataset), dataset.mask_labels, dataset.parts["val"].tolist()) == (3, {0, 1, 2}, [2])


def test_voc(tmp_path):
    dataset = open_dataset(voc_folder(tmp_path))
    found = dataset.annotation(0)
    assert (dataset.format, len(dataset.space), names_of(dataset, found.class_ids)) == ("voc", 20, {"person"})
    assert (found.boxes.tolist(), found.ignored_boxes.tolist()) == ([PERSON_BOX], [CAR_BOX])
    assert names_of(dataset, found.ignored_ids) == {"car"}
    expected = np.full(SIZE, 255, np.uint8)
    expected[8:32, 10:30] = dataset.space.id_of("person")
    assert (found.semantic == expected).all()
    assert {part: numbers.tolist() for part, numbers in dataset.parts.items()} == {"val": [1]}
    assert list(dataset.faults()) == []
    # The same mask in colours.
    path = tmp_path / "SegmentationClass/a.png"
    Image.open(path).convert("RGB").save(path)
    assert (open_dataset(tmp_path).annotation(0).semantic == expected).all()


def test_voc_of_other_classes(tmp_path):
    folder = voc_folder(tmp_path)
    xml = folder / "Annotations/a.xml"
    xml.write_text(xml.read_text().replace("person", "robot"))
    with pytest.raises(ValueError, match=r"classes that are not VOC's: add .*labelmap.txt"):
        open_dataset(folder)
    text(folder / "labelmap.txt", "background:0,0,0::\ncar:1,2,3::\nrobot:4,5,6::\n")
    assert open_dataset(folder).space.names == ("car", "robot")


@pytest.mark.parametrize(
    ("labels", "file"),
    [
        ("road: 1\ngrass: 4\n", "labels.yaml"),
        ("1: road\n4: grass\n9: void", "labels.yaml"),
        ("1 road\n4 grass\n", "labels.txt"),
    ],
)
def test_masks_of_numbers(tmp_path, labels, file):
    dataset = open_dataset(mask_folder(tmp_path, labels, file))
    assert (dataset.format, dataset.space.names, dataset.box_labels) == (
        "masks",
        ("road", "grass"),
        frozenset(),
    )
    found = dataset.annotation(0).semantic
    assert (found[0] == 255).all()
    assert (found[1, 1], found[10, 12]) == (0, 1)
    assert dataset.annotation(1).semantic is None
    assert list(dataset.faults()) == []


@pytest.mark.parametrize(
    ("labels", "file"),
    [
        ("128 64 128\troad\n0 200 0 grass\n", "labels.txt"),
        ('"128 64 128": road\n"0,200,0": grass\n', "labels.yaml"),
        ("road: [128, 64, 128]\ngrass: [0, 200, 0]\n", "labels.yaml"),
        (
            "labels:\n- {name: road, colour: [128, 64, 128], drivable: true}\n"
            "- {name: grass, colour: [0, 200, 0], thing: false}\n",
            "labels.yaml",
        ),
    ],
)
def test_masks_of_colours(tmp_path, labels, file):
    folder = mask_folder(tmp_path, labels, file)
    colours = np.full((*SIZE, 3), (128, 64, 128), np.uint8)
    colours[8:32, 10:30] = (0, 200, 0)
    colours[0] = 0
    Image.fromarray(colours).save(folder / "masks/a.png")
    dataset = open_dataset(folder)
    found = dataset.annotation(0).semantic
    assert (found[0, 0], found[1, 1], found[10, 12]) == (255, 0, 1)
    assert dataset.space.labels[0].drivable == ("drivable" in labels)
    assert list(dataset.faults()) == []


def test_a_turned_photograph_has_the_size_that_it_is_shown_at(tmp_path):
    folder = yolo_folder(tmp_path)
    path = folder / "images/train/a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(path).save(path, exif=exif)
    dataset = open_dataset(folder)
    assert dataset.picture(0).shape[:2] == (64, HEIGHT)
    assert dataset.annotation(0).boxes[0].tolist() == [18, 16, 30, 48]


def test_no_format_is_one_sentence_with_all_of_them(tmp_path):
    picture(tmp_path / "a.jpg")
    with pytest.raises(ValueError, match="of no known format") as error:
        open_dataset(tmp_path)
    assert str(error.value).count(";") == len(FORMATS) - 1 == 6
    with pytest.raises(FileNotFoundError, match="does not exist: give the folder of a dataset"):
        open_dataset(tmp_path / "none")
