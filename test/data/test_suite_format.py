"""Our format: written and read again, opened by other tools, resumed after a kill."""

import json
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image

from data.material import SIZE, picture, text
from vit_perception.data.annotation import Annotation
from vit_perception.data.journal import JOURNAL
from vit_perception.data.label_space import Label, LabelSpace
from vit_perception.data.manifest import Manifest
from vit_perception.data.open import open_dataset
from vit_perception.data.writer import DatasetWriter

mask_tools = pytest.importorskip("pycocotools.mask", reason="masks are stored by pycocotools")

SPACE = LabelSpace(
    (
        Label("person", aliases=("man",)),
        Label("car", coarse="vehicle"),
        Label("grass", colour=(10, 200, 10), thing=False, drivable=True),
    )
)
MANIFEST = Manifest(
    SPACE,
    frozenset({0, 1}),
    frozenset({0, 2}),
    name="yard",
    description="A yard.",
    licence="CC0-1.0",
    source="us",
)


def full() -> Annotation:
    instances = np.zeros(SIZE, np.uint16)
    instances[8:32, 10:30] = 1
    instances[20:30, 40:56] = 2
    semantic = np.full(SIZE, 2, np.uint8)
    semantic[instances == 1] = 0
    semantic[instances == 2] = 1
    semantic[0] = 255
    semantic[44:, :5] = 0  # a person whom nobody told apart
    depth = np.linspace(0.5, 20, SIZE[0] * SIZE[1], dtype=np.float32).reshape(SIZE)
    depth[3, 3] = np.nan
    return Annotation(
        np.array([[10, 8, 30, 32], [40, 20, 56, 30]], np.float32),
        np.array([0, 1]),
        np.array([1, 0.625], np.float32),
        np.array([[0, 0, 5, 5], [50, 0, 60, 9]], np.float32),
        np.array([1, -1]),
        semantic,
        instances,
        depth,
    )


def write(folder, names=("b", "kitchen/a", "c")):
    with DatasetWriter(folder, MANIFEST) as writer:
        for place, name in enumerate(names):
            image = np.random.default_rng(place).integers(0, 255, (*SIZE, 3), np.uint8)
            writer.add(name, image, full() if place < 2 else Annotation(), "val" if name == "c" else None)
    return folder


def assert_equal(found, expected):
    for field in fields(Annotation):
        one, other = getattr(found, field.name), getattr(expected, field.name)
        if other is None or one is None:
            assert one is other, field.name
        elif field.name == "depth":
            np.testing.assert_allclose(one, other, atol=0.0006)
        else:
            np.testing.assert_allclose(one, other, atol=0.001, err_msg=field.name)


def test_what_is_written_is_read_again(tmp_path):
    dataset = open_dataset(write(tmp_path / "yard"))
    assert [dataset.name(index) for index in range(3)] == ["b", "c", "kitchen/a"]
    assert (dataset.format, dataset.space, dataset.manifest) == ("vit_perception", SPACE, MANIFEST)
    assert (dataset.box_labels, dataset.mask_labels) == ({0, 1}, {0, 2})
    assert {part: numbers.tolist() for part, numbers in dataset.parts.items()} == {"val": [1]}
    assert_equal(dataset.annotation(0), full())
    assert_equal(dataset.annotation(1), Annotation())
    assert_equal(dataset.annotation(2), full())
    assert list(dataset.faults()) == []
    assert sorted(path.name for path in (tmp_path / "yard").iterdir()) == [
        "dataset.yaml", "depth", "images", "instances.json", "panoptic", "panoptic.json", "splits.yaml",
    ]  # fmt: skip


def test_a_file_is_copied_byte_by_byte_unless_it_is_turned(tmp_path):
    upright, turned = picture(tmp_path / "a.png"), picture(tmp_path / "b.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(turned).save(turned, exif=exif)
    with DatasetWriter(tmp_path / "out", MANIFEST) as writer:
        writer.add("a", upright, Annotation())
        writer.add("b", turned, Annotation())
    assert (tmp_path / "out/images/a.png").read_bytes() == upright.read_bytes()
    assert Image.open(tmp_path / "out/images/b.jpg").size == SIZE
    assert list(open_dataset(tmp_path / "out").faults()) == []


def test_pycocotools_opens_it(tmp_path):
    coco_module = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    folder = write(tmp_path / "yard")
    coco = coco_module.COCO(str(folder / "instances.json"))
    assert [one["name"] for one in coco.loadCats(coco.getCatIds())] == ["person", "car", "grass"]
    (image,) = (one for one in coco.imgs.values() if one["file_name"] == "b.jpg")
    person = coco.loadAnns(coco.getAnnIds([image["id"]], [1]))[0]
    assert (coco.annToMask(person) == (full().instances == 1)).all()
    # The objects as results: perfect, and the ignored car is not missed.
    results = [
        {"image_id": one["image_id"], "category_id": one["category_id"], "bbox": one["bbox"], "score": 0.9}
        for one in coco.anns.values()
        if not one["iscrowd"]
    ]
    judge = evaluation.COCOeval(coco, coco.loadRes(results), "bbox")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    assert judge.stats[0] == pytest.approx(1)
    assert judge.stats[8] == pytest.approx(1)


def test_the_panoptic_files_are_laid_out_as_panopticapi_reads_them(tmp_path):
    folder = write(tmp_path / "yard")
    content = json.loads((folder / "panoptic.json").read_text())
    things = {one["id"]: (one["name"], one["isthing"]) for one in content["categories"]}
    assert things == {1: ("person", 1), 2: ("car", 1), 3: ("grass", 0)}
    images = {one["id"]: one["file_name"] for one in content["images"]}
    assert sorted(images.values()) == ["b.jpg", "kitchen/a.jpg"]
    expected = full()
    for annotation in content["annotations"]:
        assert images[annotation["image_id"]] == annotation["file_name"].replace(".png", ".jpg")
        # rgb2id of panopticapi.
        colours = np.array(Image.open(folder / "panoptic" / annotation["file_name"]), np.uint32)
        ids = colours[..., 0] + 256 * colours[..., 1] + 256**2 * colours[..., 2]
        infos = {one["id"]: one for one in annotation["segments_info"]}
        assert set(np.unique(ids)) - {0} == set(infos)
        assert ((ids == 0) == (expected.semantic == 255)).all()
        for identity, info in infos.items():
            where = ids == identity
            assert set(np.unique(expected.semantic[where])) == {info["category_id"] - 1}
            rows, columns = np.nonzero(where)
            x, y, width, height = info["bbox"]
            assert (x, y, x + width - 1, y + height - 1) == (
                columns.min(),
                rows.min(),
                columns.max(),
                rows.max(),
            )
            assert info["area"] == where.sum()
        kinds = Counter((info["category_id"], info["iscrowd"]) for info in infos.values())
        assert kinds == {(1, 0): 1, (1, 1): 1, (2, 0): 1, (3, 0): 1}


KILLED = """
import sys
import numpy as np
from data.test_suite_format import MANIFEST, full, SIZE
from pathlib import Path
from vit_perception.data.writer import DatasetWriter
writer = DatasetWriter(Path(sys.argv[1]), MANIFEST)
for place, name in enumerate(sys.argv[2:]):
    image = np.random.default_rng(place).integers(0, 255, (*SIZE, 3), np.uint8)
    if name not in writer:
        writer.add(name, image, full(), "val" if place == 2 else None)
        print(name, flush=True)
        if place == 1:
            sys.stdin.read()
writer.close()
"""


def test_a_kill_loses_nothing_and_nothing_is_done_twice(tmp_path):
    command = [sys.executable, "-c", KILLED]
    names = ["d", "b", "c", "a"]
    environment = {"PYTHONPATH": ":".join(sys.path)}
    first = subprocess.Popen(
        [*command, tmp_path / "out", *names], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    assert first.stdout is not None
    assert [first.stdout.readline() for _ in range(2)] == [b"d\n", b"b\n"]
    with pytest.raises(ValueError, match="another process writes"):
        DatasetWriter(tmp_path / "out", MANIFEST)
    first.send_signal(signal.SIGKILL)
    first.wait()
    with pytest.raises(ValueError, match="was not written to the end: run the command that writes it again"):
        open_dataset(tmp_path / "out")
    # A line that the kill cut off.
    with (tmp_path / "out" / JOURNAL).open("a") as journal:
        journal.write('{"name": "c", "file_na')
    second = subprocess.run(
        [*command, tmp_path / "out", *names], capture_output=True, text=True, env=environment
    )
    assert second.stdout.split() == ["c", "a"], second.stderr
    subprocess.run([*command, tmp_path / "whole", *names], input=b"", check=True, env=environment)
    files = sorted(path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*.*"))
    assert len(files) == 16
    for file in files:
        assert (tmp_path / "out" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes(), file


def test_a_finished_dataset_goes_on(tmp_path):
    folder = write(tmp_path / "yard")
    # Corrected by another tool.
    content = json.loads((folder / "instances.json").read_text())
    content["annotations"][0]["bbox"][0] = 11
    text(folder / "instances.json", json.dumps(content))
    with DatasetWriter(folder, MANIFEST) as writer:
        assert "b" in writer
        assert len(writer) == 3
        with pytest.raises(ValueError, match="a picture named b is in"):
            writer.add("b", np.zeros((*SIZE, 3), np.uint8), Annotation())
        writer.add("a", np.zeros((*SIZE, 3), np.uint8), full(), "val")
    dataset = open_dataset(folder)
    assert [dataset.name(index) for index in range(4)] == ["a", "b", "c", "kitchen/a"]
    assert dataset.parts["val"].tolist() == [0, 2]
    assert dataset.annotation(1).boxes[0, 0] == 11
    assert_equal(dataset.annotation(3), full())
    assert list(dataset.faults()) == []


def test_an_error_leaves_the_journal(tmp_path):
    def fail():
        with DatasetWriter(tmp_path / "out", MANIFEST) as writer:
            writer.add("a", np.zeros((*SIZE, 3), np.uint8), Annotation())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with DatasetWriter(tmp_path / "out", MANIFEST) as writer:
        assert "a" in writer
    assert len(open_dataset(tmp_path / "out")) == 1


def test_what_the_writer_refuses(tmp_path):
    write(tmp_path / "yard")
    other = Manifest(SPACE, frozenset({0}), frozenset())
    with pytest.raises(ValueError, match="holds a dataset of other labels"):
        DatasetWriter(tmp_path / "yard", other)
    text(tmp_path / "mine/notes.txt", "")
    with pytest.raises(ValueError, match="is not empty"):
        DatasetWriter(tmp_path / "mine", other)
    with pytest.raises(ValueError, match="is a file"):
        DatasetWriter(tmp_path / "mine/notes.txt", other)
    with pytest.raises(ValueError, match="box_labels has class ids that are not 0 to 2"):
        Manifest(SPACE, frozenset({3}), frozenset())
    image = np.zeros((*SIZE, 3), np.uint8)
    with DatasetWriter(tmp_path / "new", other) as writer:
        for name in ("", "/a", "../a", "a//b", "a\n"):
            with pytest.raises(ValueError, match="is not a name for a picture"):
                writer.add(name, image, Annotation())
        with pytest.raises(ValueError, match="class id 3 of the boxes is not 0 to 2"):
            writer.add("a", image, Annotation(np.zeros((1, 4), np.float32), np.array([3])))
        with pytest.raises(ValueError, match="class id 9 of the mask is not 0 to 2"):
            writer.add("a", image, Annotation(semantic=np.full(SIZE, 9, np.uint8)))
        with pytest.raises(ValueError, match="semantic has shape"):
            writer.add("a", image, Annotation(semantic=np.zeros((2, 2), np.uint8)))
        writer.add("a", image, Annotation())


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        (
            "splits.yaml",
            "val: [c]\ntest:\n- b\n- c\n",
            "splits.yaml:4: c is in val and in test",
        ),
        ("splits.yaml", "val: c\n", "splits.yaml:1: val is not a list"),
        ("splits.yaml", "- c\n", "splits.yaml: give the name of a part"),
        ("splits.yaml", "val: [", "splits.yaml is not YAML"),
        ("dataset.yaml", "labels: [person, car]\nbox_labels: []\nmask_labels: []", "named 'grass'"),
        ("dataset.yaml", "labels: [person, car, grass]\nmask_labels: []", "dataset.yaml lacks box_labels"),
        (
            "dataset.yaml",
            "labels: [a]\nbox_labels: [b]\nmask_labels: []",
            "box_labels: no label is named 'b'",
        ),
    ],
)
def test_what_is_refused_when_it_is_opened(tmp_path, file, content, reason):
    folder = write(tmp_path / "yard")
    text(folder / file, content)
    with pytest.raises(ValueError, match=reason):
        open_dataset(folder)


def test_faults_of_single_pictures(tmp_path):
    folder = write(tmp_path / "yard")
    text(folder / "splits.yaml", "val:\n- 007\n- c\n")
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(folder / "depth/b.png")
    instances = folder / "instances.json"
    instances.write_text(instances.read_text().replace("[[50.0", '[["x"', 1))
    assert [str(fault).replace(f"{folder}/", "") for fault in open_dataset(folder).faults()] == [
        "splits.yaml:2: no picture is named 007: correct it, or delete this line",
        "instances.json:11: ignored_boxes: bbox is ['x', 0.0, 10.0, 9.0]: "
        "give x, y, width and height in pixels",
        "depth/b.png: depth is a PNG of 16-bit grey, in millimetres: this one is not",
    ]
