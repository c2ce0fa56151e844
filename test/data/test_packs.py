"""Packs: under their limit, with labels that fit the smaller pictures, unpacked once."""

from __future__ import annotations

import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("pycocotools.mask", reason="masks are stored by pycocotools")

from data.material import text, yolo_folder
from vit_perception import cli
from vit_perception.data.annotation import Annotation
from vit_perception.data.dense import NO_CLASS, Dense
from vit_perception.data.joined import JoinedDataset
from vit_perception.data.label_space import Label, LabelSpace
from vit_perception.data.manifest import Manifest
from vit_perception.data.open import open_dataset
from vit_perception.data.packs.plan import QUALITIES, deal, groups_of
from vit_perception.data.packs.staging import Staged
from vit_perception.data.packs.unpack import folder_of
from vit_perception.data.writer import DatasetWriter

SPACE = LabelSpace((Label("person"), Label("car"), Label("grass", thing=False)))
MANIFEST = Manifest(SPACE, frozenset({0, 1}), frozenset({0, 1, 2}), name="yard", licence="CC0-1.0")
HEIGHT, WIDTH = 150, 200


@pytest.fixture(autouse=True)
def beside_the_file(monkeypatch):
    monkeypatch.delenv("VIT_PERCEPTION_CACHE", raising=False)


def photograph(seed: int) -> np.ndarray:
    """Smooth noise, which a JPEG holds as it holds a photograph."""
    coarse = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def annotation(seed: int) -> Annotation:
    """One or two objects with masks in the grass, and depth."""
    rng = np.random.default_rng(seed)
    left, top = rng.integers(5, 90, 2).tolist()
    boxes = [[left, top, left + 41, top + 33], [150, 100, 190, 140]][: 1 + seed % 2]
    semantic = np.full((HEIGHT, WIDTH), 2, np.uint8)
    instances = np.zeros((HEIGHT, WIDTH), np.uint16)
    for place, (x0, y0, x1, y1) in enumerate(boxes):
        semantic[y0:y1, x0:x1] = place
        instances[y0:y1, x0:x1] = place + 1
    return Annotation(
        np.array(boxes, np.float32),
        np.arange(len(boxes)),
        ignored_boxes=np.array([[3, 3, 50.5, 20]], np.float32),
        ignored_ids=np.array([-1]),
        semantic=semantic,
        instances=instances,
        depth=np.tile(np.linspace(1, 9, WIDTH, dtype=np.float32), (HEIGHT, 1)),
    )


def write(folder: Path, count: int = 12) -> Path:
    with DatasetWriter(folder, MANIFEST) as writer:
        for seed in range(count):
            part = "val" if seed % 4 == 0 else None
            writer.add(f"yard/{seed:02}", photograph(seed), annotation(seed), part)
    return folder


def pack(*arguments: object) -> int:
    return cli.main(["data", "pack", *map(str, arguments)])


def parts(dataset):
    return {
        part: sorted(dataset.name(number) for number in numbers) for part, numbers in dataset.parts.items()
    }


def names(dataset):
    return [dataset.name(index) for index in range(len(dataset))]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return open_dataset(write(tmp_path_factory.mktemp("source") / "yard"))


def test_everything_is_in_it_where_it_fits(tmp_path, source, capsys):
    file = tmp_path / "new/yard.zip"
    assert pack(source.folder, "--output", file, "--megabytes", 1) == 0
    assert "12 pictures in" in capsys.readouterr().out
    packed = open_dataset(file)
    assert (packed.space, packed.box_labels, packed.mask_labels) == (SPACE, {0, 1}, {0, 1, 2})
    assert (packed.manifest, packed.folder.name) == (MANIFEST, "yard")
    assert (names(packed), parts(packed)) == (names(source), parts(source))
    assert list(packed.faults()) == []
    for index in range(len(source)):
        # Small enough as it is, and so copied.
        assert packed.picture_file(index).read_bytes() == source.picture_file(index).read_bytes()
        one, other = packed.annotation(index), source.annotation(index)
        np.testing.assert_allclose(one.boxes, other.boxes)
        np.testing.assert_allclose(one.depth, other.depth, atol=0.001)
        assert (one.semantic == other.semantic).all()
        assert (one.instances == other.instances).all()
    assert [path.name for path in (tmp_path / "new").iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("side", [133, 50])
def test_labels_fit_the_smaller_picture_to_half_a_pixel(tmp_path, source, side):
    file = tmp_path / "yard.zip"
    assert pack(source.folder, "--output", file, "--megabytes", 1, "--side", side) == 0
    packed = open_dataset(file)
    for index in range(len(source)):
        picture, one, other = packed.picture(index), packed.annotation(index), source.annotation(index)
        assert picture.shape == (round(HEIGHT * side / WIDTH), side, 3)
        expected = cv2.resize(source.picture(index), (side, picture.shape[0]), interpolation=cv2.INTER_AREA)
        # JPEG keeps brightness better than colour.
        assert np.abs(picture.mean(axis=2) - expected.mean(axis=2)).mean() < 6
        factors = np.array([side / WIDTH, picture.shape[0] / HEIGHT] * 2)
        np.testing.assert_allclose(one.boxes, other.boxes * factors, atol=0.002)
        np.testing.assert_allclose(one.ignored_boxes, other.ignored_boxes * factors, atol=0.002)
        for place, box in enumerate(one.boxes):
            # Edges of the object in the mask against those of its box.
            rows, columns = np.nonzero(one.instances == place + 1)
            edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(edges, box, atol=0.501)
            assert (one.semantic[one.instances == place + 1] == place).all()
        # Depth rises by 8 m over the width: at the centre of each pixel it is what it was there.
        centres = (np.arange(side) + 0.5) / side * WIDTH - 0.5
        expected = np.interp(centres, np.arange(WIDTH), other.depth[0])
        np.testing.assert_allclose(one.depth[0], expected, atol=0.5 * 8 / (WIDTH - 1) + 0.001)


def test_dense_labels_fit_the_smaller_picture(tmp_path):
    dense = Dense(
        knows=np.array([0, 1]),
        origin=np.array([2, 4], np.float32),
        strides=np.array([[8, 8]], np.float32),
        levels=np.zeros(1, np.int64),
        cells=np.array([[3, 4]]),
        boxes=np.array([[10, 20, 30, 40]], np.float32),
        class_ids=np.array([[0, 1, NO_CLASS]]),
        scores=np.array([[0.5, 0.25, 0]], np.float32),
    )
    with DatasetWriter(tmp_path / "yard", MANIFEST) as writer:
        writer.add("a", photograph(0), replace(annotation(0), dense=dense))
    file = tmp_path / "yard.zip"
    assert pack(tmp_path / "yard", "--output", file, "--megabytes", 1, "--side", WIDTH // 2) == 0
    found = open_dataset(file).annotation(0).dense
    assert found is not None
    assert (found.origin.tolist(), found.strides.tolist()) == ([1, 2], [[4, 4]])
    assert found.boxes.tolist() == [[5, 10, 15, 20]]
    assert (found.cells.tolist(), found.class_ids.tolist()) == ([[3, 4]], [[0, 1, NO_CLASS]])


def test_quality_falls_before_pictures_are_left_out(tmp_path, source, capsys):
    whole = tmp_path / "whole.zip"
    pack(source.folder, "--output", whole, "--megabytes", 1)
    size = whole.stat().st_size
    for share, complete in ((0.7, True), (0.25, False)):
        file, limit = tmp_path / f"{share}.zip", round(size * share)
        capsys.readouterr()
        assert pack(source.folder, "--output", file, "--megabytes", limit / 1e6) == 0
        printed, error = capsys.readouterr()
        quality = int(printed.split()[-1])
        packed = open_dataset(file)
        assert file.stat().st_size <= limit
        assert file.stat().st_size > 0.75 * limit
        assert list(packed.faults()) == []
        if complete:
            assert len(packed) == 12
            assert QUALITIES[-1] <= quality < 95
            assert "left out" not in error
        else:
            assert quality == QUALITIES[-1]
            assert f"{12 - len(packed)} of 12 pictures are left out, evenly" in error
            # A quarter of the pictures is held out, and was before.
            assert 1 <= len(packed.parts["val"]) <= len(packed) // 2
            assert set(parts(packed)["val"]) <= set(parts(source)["val"])


def test_the_limit_holds_where_the_estimate_is_too_low(tmp_path, source, monkeypatch):
    monkeypatch.setattr(Staged, "_others", lambda staged: np.zeros(len(staged.names), np.int64))
    file = tmp_path / "yard.zip"
    assert pack(source.folder, "--output", file, "--megabytes", 0.03) == 0
    assert file.stat().st_size <= 30_000
    assert list(open_dataset(file).faults()) == []


def test_slices_are_disjoint_and_complete(tmp_path, source):
    limit = 0.06
    assert pack(source.folder, "--output", tmp_path / "yard.zip", "--megabytes", limit, "--slices", 3) == 0
    files = sorted(tmp_path.glob("*.zip"))
    assert [file.name for file in files] == ["yard-1.zip", "yard-2.zip", "yard-3.zip"]
    assert all(file.stat().st_size <= limit * 1e6 for file in files)
    slices = [open_dataset(file) for file in files]
    assert [len(one) for one in slices] == [4, 4, 4]
    assert sorted(name for one in slices for name in names(one)) == names(source)
    assert sorted(name for one in slices for name in parts(one)["val"]) == parts(source)["val"]
    assert all(len(one.parts["val"]) == 1 for one in slices)
    joined = JoinedDataset(slices, SPACE)
    assert len(joined) == 12
    assert joined.name(0).startswith("yard-1/yard/")
    assert len(joined.parts["val"]) == 3


def test_dealing_is_even_in_every_slice_and_every_beginning():
    counts = {"": 400, "val": 100}
    held = [part for part, count in counts.items() for _ in range(count)]
    # Class 1 is in every tenth picture, class 0 in all.
    classes = [frozenset({0, 1} if place % 10 == 0 else {0}) for place in range(500)]
    groups = groups_of(held, classes)
    assert set(groups) == {("", 0), ("", 1), ("val", 0), ("val", 1)}
    dealt = deal(groups, [str(place) for place in range(500)], 2)
    assert sorted(np.concatenate(dealt)) == list(range(500))
    for members in dealt:
        for beginning in (members, members[:50]):
            shares = {group: np.mean([groups[one] == group for one in beginning]) for group in set(groups)}
            assert shares[("", 0)] == pytest.approx(0.72, abs=0.03)
            assert shares[("", 1)] == pytest.approx(0.08, abs=0.03)
            assert shares[("val", 0)] == pytest.approx(0.18, abs=0.03)
            assert shares[("val", 1)] == pytest.approx(0.02, abs=0.03)


def test_it_is_unpacked_once(tmp_path, source, monkeypatch):
    file = tmp_path / "yard.zip"
    pack(source.folder, "--output", file, "--megabytes", 1)
    first = open_dataset(file)
    assert first.folder.is_relative_to(tmp_path / "yard.zip.unpacked")
    with monkeypatch.context() as patch:
        patch.setattr(zipfile.ZipFile, "open", None)
        assert open_dataset(file).folder == first.folder
    monkeypatch.setenv("VIT_PERCEPTION_CACHE", str(tmp_path / "cache"))
    assert open_dataset(file).folder.is_relative_to(tmp_path / "cache")
    # Other pictures in a file of the same name.
    pack(source.folder, "--output", file, "--megabytes", 1, "--side", 50)
    assert open_dataset(file).picture(0).shape[1] == 50


def test_of_several_that_open_it_at_once_one_unpacks(tmp_path, source, monkeypatch):
    file = tmp_path / "yard.zip"
    pack(source.folder, "--output", file, "--megabytes", 1)
    read, opened = zipfile.ZipFile.open, []

    def counting(archive, entry, *arguments):
        opened.append(entry.filename)
        return read(archive, entry, *arguments)

    monkeypatch.setattr(zipfile.ZipFile, "open", counting)
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(folder_of, [file] * 4))
    assert folders == {open_dataset(file).folder}
    assert len(opened) == len(set(opened)) > 12
    assert folder_of(source.folder) == source.folder


def test_an_unpacking_that_was_killed_goes_on(tmp_path, source, monkeypatch):
    file = tmp_path / "yard.zip"
    pack(source.folder, "--output", file, "--megabytes", 1)
    read, opened = zipfile.ZipFile.open, []

    def failing(archive, entry, *arguments):
        opened.append(entry.filename)
        if len(opened) == 10:
            raise KeyboardInterrupt
        return read(archive, entry, *arguments)

    monkeypatch.setattr(zipfile.ZipFile, "open", failing)
    with pytest.raises(KeyboardInterrupt):
        open_dataset(file)
    assert len(open_dataset(file)) == 12
    assert [name for name in set(opened) if opened.count(name) > 1] == [opened[9]]
    assert [path.name for path in (tmp_path / "yard.zip.unpacked").glob("*/*")].count("yard.part") == 0


def test_a_damaged_file_is_one_sentence(tmp_path, source, capsys):
    file = tmp_path / "yard.zip"
    pack(source.folder, "--output", file, "--megabytes", 1)
    content = file.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 255
    (tmp_path / "flipped.zip").write_bytes(flipped)
    (tmp_path / "cut").write_bytes(content[: len(content) // 2])
    (tmp_path / "empty.zip").write_bytes(b"")
    for name in ("flipped.zip", "cut", "empty.zip"):
        capsys.readouterr()
        assert cli.main(["data", "check", str(tmp_path / name)]) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"vit-perception: {tmp_path / name} is damaged (")
        assert error.endswith("copy it again, or pack it again\n")
        assert error.count("\n") == 1


def test_an_entry_outside_the_folder_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("../../../outside.txt", "x")
    with pytest.raises(ValueError, match=r"has an entry '../../../outside.txt' outside it"):
        open_dataset(tmp_path / "bad.zip")
    assert not (tmp_path / "outside.txt").exists()


def test_several_datasets_and_their_other_files(tmp_path, source):
    other = write(tmp_path / "garden", 2)
    text(other / "labelling.yaml", "teachers: []\n")
    text(other / "dense/yard/00.a.bin", "of a picture")
    text(other / "dense/dense.yaml", "of all")
    text(other / "skipped.txt", "broken.jpg: cut off\n")
    yolo = yolo_folder(tmp_path / "yolo", "0 0.5 0.5 0.25 0.5\n")
    file = tmp_path / "all.zip"
    assert pack(source.folder, other, "--output", file, "--megabytes", 1) == 0
    packed = open_dataset(file)
    assert len(packed) == 14
    found = {path.relative_to(packed.folder).as_posix() for path in packed.folder.glob("**/*.*")}
    assert {"dense/garden/yard/00.a.bin", "dense/dense.yaml", "labelling.yaml"} <= found
    assert "skipped.txt" not in found
    space = text(tmp_path / "space.yaml", "labels: [{name: person}, {name: car, aliases: [box]}]\n")
    assert pack(other, yolo, "--output", file, "--megabytes", 1, "--labels", space) == 0
    packed = open_dataset(file)
    assert (packed.space.names, packed.box_labels, packed.mask_labels) == (("person", "car"), {1}, set())
    assert not (packed.folder / "dense").exists()


def test_what_pack_refuses(tmp_path, source, capsys):
    yolo = yolo_folder(tmp_path / "yolo")
    file = tmp_path / "yard.zip"
    for arguments, reason in (
        ((source.folder, "--output", file, "--megabytes", 0), "--megabytes is 0: give a number above 0"),
        (
            (source.folder, "--output", file, "--megabytes", 0.001),
            "0.001 megabytes are too few for a picture",
        ),
        ((source.folder, "--output", file, "--megabytes", 1, "--side", 0), "--side is 0"),
        ((source.folder, "--output", file, "--megabytes", 1, "--slices", 13), "too few for 13 slices"),
        ((source.folder, "--output", tmp_path / "a", "--megabytes", 1), "give one that ends in .zip"),
        ((source.folder, yolo, "--output", file, "--megabytes", 1), "have different labels: give one label"),
    ):
        assert pack(*arguments) == 1
        error = capsys.readouterr().err
        assert reason in error
        assert "Traceback" not in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["yolo"]
