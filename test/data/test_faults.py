"""Broken datasets: every fault with file and line, and no traceback."""

import json

import numpy as np
import pytest
from PIL import Image

from data.material import (
    CAR,
    PERSON,
    SIZE,
    coco,
    coco_folder,
    mask_folder,
    panoptic_folder,
    picture,
    save_palette,
    text,
    voc_folder,
    voc_object,
    voc_xml,
    yolo_folder,
)
from vit_perception.data.open import open_dataset


def faults(folder):
    """Every fault, with paths below the folder."""
    return [str(fault).replace(f"{folder}/", "") for fault in open_dataset(folder).faults()]


def line_of(path, words):
    """The line on which the entry begins that has `words`, in JSON of an indent of 1."""
    lines = path.read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if words in line)
    return next(number + 1 for number in range(place, -1, -1) if lines[number].strip() == "{")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"bbox": [50, 20, 30, 10]}, "the box from 50, 20, 80, 30 is outside the picture of 64 x 48 pixels"),
        ({"bbox": [50, 20, 0, 10]}, "the box from 50, 20, 50, 30 has no area"),
        ({"bbox": [50, 20, 10]}, "bbox is [50, 20, 10]: give x, y, width and height"),
        ({"bbox": [50, "x", 10, 10]}, "bbox is [50, 'x', 10, 10]"),
        ({"category_id": 99}, "no category has the id 99"),
        ({"category_id": None}, "no category has the id None"),
        ({"image_id": 77}, "no picture has the id 77"),
        ({"image_id": "a"}, "an annotation needs an image_id"),
        ({"segmentation": [[1, 2, 3]]}, "a polygon needs x and y of at least three points"),
        (
            {"segmentation": {"size": [4, 4], "counts": [16]}},
            "the mask has size [4, 4], its picture [48, 64]",
        ),
        ({"segmentation": {"size": [48, 64], "counts": [1, 2]}}, "do not sum up to the pixels"),
        ({"segmentation": {"size": [48, 64], "counts": "~~"}}, "a letter that is not of COCO's alphabet"),
        ({"segmentation": {"size": [48, 64], "counts": "o"}}, "are cut off"),
        ({"segmentation": [[1, 1, 1e9, 1, 9, 9]]}, "a polygon has a point far outside the picture"),
        ({"segmentation": 3}, "segmentation is neither polygons nor run lengths"),
        ({"score": "high"}, "score is 'high': give a number from 0 to 1"),
    ],
)
def test_one_wrong_annotation_is_found_on_its_line_and_left_out(tmp_path, change, reason):
    pytest.importorskip("pycocotools")
    folder = coco_folder(tmp_path, coco(PERSON, {**CAR, **change, "marked": True}))
    (found,) = faults(folder)
    line = line_of(folder / "instances.json", "marked")
    assert found.startswith(f"instances.json:{line}: ")
    assert reason in found
    dataset = open_dataset(folder)
    assert dataset.inspect(0).annotation.boxes[0].tolist() == [10, 8, 30, 32]
    if "outside" not in reason and "area" not in reason and "image" not in str(change):
        with pytest.raises(ValueError, match=f"instances.json:{line}: "):
            dataset.annotation(0)


def test_boxes_that_are_outside_by_rounding_are_clipped(tmp_path):
    folder = coco_folder(tmp_path, coco({**PERSON, "bbox": [-0.4, 0, 64.9, 20]}))
    assert faults(folder) == []
    assert open_dataset(folder).annotation(0).boxes.tolist() == [[0, 0, 64, 20]]


def test_pictures_of_coco(tmp_path):
    content = coco(PERSON, pictures=("a", "b", "c", "d"))
    content["images"].append({"id": 99, "file_name": "a.jpg"})
    content["images"].append({"id": 10, "file_name": "e.jpg"})
    content["images"].append({"file_name": "f.jpg"})
    folder = coco_folder(tmp_path, content, pictures=("a", "e"))
    picture(folder / "images/b.jpg", (20, 30))
    text(folder / "images/c.jpg", "not a picture")
    found = "\n".join(faults(folder))
    for reason in (
        "the picture a.jpg is there twice",
        "two pictures have the id 10",
        "a picture needs an id, a whole number, and a file_name",
        "b.jpg has 30 x 20 pixels, not 64 x 48",
        "the picture images/c.jpg cannot be read",
        "the picture images/d.jpg is missing",
    ):
        assert reason in found, reason
    assert len(found.splitlines()) == 6
    assert all(line.startswith("instances.json:") for line in found.splitlines())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"images": [\n{"id": 1,\n]', "instances.json:3: this is not JSON"),
        ('{"images": []', r"instances.json:1: there should be a ,"),
        ("[]", "instances.json:1: there should be a {"),
        ('{"images": [{}, ], "x": 1}', "instances.json:1: there is a comma too many"),
        ("{}", "has no images: it is not a COCO file"),
        ('{"images": [{"id": 1, "file_name": "a.jpg"}]}', "has no categories"),
        (
            json.dumps({**coco(), "categories": [{"id": n, "name": f"c{n}"} for n in range(300)]}),
            "has 300 labels",
        ),
        ("", "instances.json:1: there should be a {"),
    ],
)
def test_a_file_that_is_not_coco(tmp_path, content, reason):
    with pytest.raises(ValueError, match=reason) as error:
        open_dataset(coco_folder(tmp_path, content))
    assert str(tmp_path) in str(error.value)


def test_panoptic_masks(tmp_path):
    folder = panoptic_folder(tmp_path)
    png, file = folder / "panoptic/a.png", folder / "panoptic.json"
    ids = np.asarray(Image.open(png)).copy()
    ids[40:, :, :] = 9
    Image.fromarray(ids).save(png)
    assert faults(folder) == [
        "panoptic/a.png: the mask has pixels of segment 592137, which is not in segments_info: add it"
    ]
    Image.fromarray(ids[:20]).save(png)
    assert faults(folder) == [
        "panoptic/a.png: the mask has 64 x 20 pixels, its picture 64 x 48: give both one size"
    ]
    text(png, "not a PNG")
    assert "panoptic/a.png: this mask cannot be read" in faults(folder)[0]
    png.unlink()
    assert faults(folder) == ["panoptic/a.png: this mask is missing: add it, or delete its entry"]
    panoptic_folder(tmp_path / "again")
    content = json.loads((tmp_path / "again/panoptic.json").read_text())
    content["annotations"][0]["segments_info"][1]["category_id"] = 4
    text(tmp_path / "again/panoptic.json", json.dumps(content, indent=1))
    found = faults(tmp_path / "again")
    assert "panoptic.json:11: no category has the id 4" in found[0]
    assert "pixels of segment 70000, which is not" in found[1]
    content["annotations"][0] = {"image_id": 10, "segments_info": []}
    text(file, json.dumps(content, indent=1))
    assert faults(folder)[0].startswith("panoptic.json:11: a panoptic annotation needs")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("0 0.5 0.5", "a line has 3 numbers: give a class and x, y, width and height, or a polygon"),
        ("0 0.5 0.5 0.2 0.2 1 1 1", "a line has 8 numbers"),
        ("cat 0.5 0.5 0.2 0.2", "'cat 0.5 0.5 0.2 0.2' is not a line of numbers"),
        ("1 0.5 0.5 0.2 0.2", "there is no class 1"),
        ("0.5 0.5 0.5 0.2 0.2", "has a class or a coordinate that is no number"),
        ("0 nan 0.5 0.2 0.2", "has a class or a coordinate that is no number"),
        ("0 320 240 20 20", "is outside the picture of 64 x 48 pixels"),
        ("0 0.5 0.5 0 0.2", "has no area"),
        ("0 0.5 0.5 1 1e9 0.5 1", "a polygon has a point far outside the picture"),
    ],
)
def test_a_line_of_yolo(tmp_path, row, reason):
    folder = yolo_folder(tmp_path, f"0 0.5 0.5 0.25 0.5\n\n{row}\n")
    (found,) = faults(folder)
    assert found.startswith("labels/train/a.txt:3: ")
    assert reason in found


def test_files_of_yolo(tmp_path):
    folder = yolo_folder(tmp_path)
    text(folder / "labels/train/none.txt", "")
    picture(folder / "images/train/a.png")
    text(folder / "images/train/b.jpg", "")
    text(folder / "data.yaml", "train: images/train\nval: images\nnames: {0: box, 2: pallet}\n")
    found = faults(folder)
    assert "labels/train/none.txt: no picture belongs to these labels: add it, or delete the file" in found
    assert any("images/train/a.png and images/train/a.jpg have one name: rename one" in one for one in found)
    assert any("the picture images/train/b.jpg cannot be read" in one for one in found)
    assert sum("is in two of train, val and test: leave it in one" in one for one in found) == 3
    (folder / "labels/train/a.txt").write_bytes(b"\xff\xfe\x00")
    assert any("labels/train/a.txt: this is not text" in one for one in faults(folder))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("names: [a\n", "is not YAML"),
        ("names:\ntrain: images/train\n", "lacks names: give a list of names"),
        ("names: [a, a]\ntrain: images/train\n", "'a' names both a and a"),
        ("names: {x: a}\ntrain: images/train\n", "numbers that are not whole"),
        ("names: [a]\ntrain: images/none\n", "train is images/none, which does not exist"),
        ("names: [a]\n", "has no pictures"),
        ("names: [a]\ntrain: pictures\n", "no picture of .* has a label file, such as .*pictures/p.txt"),
    ],
)
def test_settings_of_yolo(tmp_path, content, reason):
    folder = yolo_folder(tmp_path)
    picture(folder / "pictures/p.jpg")
    text(folder / "data.yaml", content)
    with pytest.raises(ValueError, match=reason):
        open_dataset(folder)


def test_voc(tmp_path):
    objects = (
        voc_object("person", (11, 9, 30, 32)),
        voc_object("", (11, 9, 30, 32)),
        voc_object("car", (11, 9, 90, 32)),
        voc_object("car", (11, 9, 30, 32)).replace("<xmax>30</xmax>", ""),
    )
    folder = voc_folder(tmp_path, voc_xml(*objects))
    assert faults(folder) == [
        "Annotations/a.xml:4: an object has no name: give the name of its class",
        "Annotations/a.xml:6: bndbox needs xmin, ymin, xmax, ymax, each a number",
        "Annotations/a.xml:5: the box from 10, 8, 90, 32 is outside the picture of 64 x 48 pixels: "
        "correct or delete it",
    ]
    text(folder / "Annotations/a.xml", "<annotation>\n<size>\n</annotation>")
    text(folder / "Annotations/none.xml", voc_xml())
    text(folder / "ImageSets/Main/test.txt", "b\n")
    values = np.zeros(SIZE, np.uint8)
    values[5] = 77
    save_palette(folder / "SegmentationClass/a.png", values)
    save_palette(folder / "SegmentationClass/alone.png", values)
    found = faults(folder)
    assert "Annotations/a.xml:3: this is not XML (mismatched tag): write the file again" in found
    assert "SegmentationClass/a.png: the mask has value 77 that is no class: correct it" in found
    assert any(one.startswith("Annotations/none.xml: the picture none is not in JPEGImages") for one in found)
    assert any(one.startswith("SegmentationClass/alone.png: a picture needs an XML file") for one in found)
    assert any("b is in two of the held-out parts" in one for one in found)
    assert len(found) == 5


def test_masks(tmp_path):
    folder = mask_folder(tmp_path / "numbers", "road: 1\n")
    picture(folder / "masks/alone.png")
    assert faults(folder) == [
        "masks/alone.png: no picture in images/ has the name of this mask: add it, or delete the mask",
        "masks/a.png: value 4 is no class: add it to labels.yaml",
    ]
    Image.fromarray(np.zeros(SIZE, np.float32)).save(folder / "masks/a.tiff")
    (folder / "masks/a.png").unlink()
    assert "masks/a.tiff: the mask has values that are not whole numbers" in faults(folder)[1]
    folder = mask_folder(tmp_path / "colours", "road: [1, 2, 3]\n")
    Image.fromarray(np.full((*SIZE, 3), 7, np.uint8)).save(folder / "masks/a.png")
    assert faults(folder) == ["masks/a.png: colour 7 7 7 is no class: add it to labels.yaml"]


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("labels.yaml", "road: [1, 2]", "1 2 is neither a value from 0 to 65535 nor a colour"),
        ("labels.yaml", "road: 70000", "70000 is neither"),
        ("labels.yaml", "3", "give a list of names"),
        ("labels.yaml", "[a", "is not YAML: .* on line 1"),
        ("labels.yaml", "labels: [a, a]", "'a' names both"),
        ("labels.txt", "1 road\n5\n", "line 2: there is no name"),
        ("labels.txt", "1 2 road\n", "line 1: 1 2 is neither"),
    ],
)
def test_labels_of_masks(tmp_path, file, content, reason):
    with pytest.raises(ValueError, match=reason) as error:
        open_dataset(mask_folder(tmp_path, content, file))
    assert str(tmp_path / file) in str(error.value)


def test_photographs_with_boxes(tmp_path):
    folder = panoptic_folder(tmp_path)
    text(folder / "boxes/none.txt", "")
    text(folder / "boxes/a.txt", "1 0.5 0.5 0.1 0.1\n")
    assert faults(folder) == [
        "boxes/none.txt: no picture belongs to these boxes: add it, or delete the file",
        "boxes/a.txt:1: there is no class 1: correct it, or add its name",
    ]
