"""Ways of a robot on disk, in packs and in joined datasets."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from data.material import SIZE
from vit_perception.data.annotation import Annotation
from vit_perception.data.joined import JoinedDataset
from vit_perception.data.label_space import Label, LabelSpace
from vit_perception.data.manifest import Manifest
from vit_perception.data.navigation import NavigationTruth
from vit_perception.data.navigation_file import NAVIGATION
from vit_perception.data.open import open_dataset
from vit_perception.data.packs.staging import Staged
from vit_perception.data.packs.write import write_packs
from vit_perception.data.writer import DatasetWriter

SPACE = LabelSpace((Label("person"), Label("floor", thing=False)))
WAY = NavigationTruth(
    episode="hall-7",
    frame=12,
    seconds=2.4,
    velocity=(0.5, -0.25),
    goal=(6.5, 0.75),
    goal_distance=8.125,
    collision=True,
    action="turn_left",
    scan=np.linspace(0, 6, 32),
    path=np.linspace((0.25, 0), (2, -1), 8),
)


def write(folder, names=("b", "hall/a", "c")):
    with DatasetWriter(folder, Manifest(SPACE, frozenset({0}), frozenset())) as writer:
        for place, name in enumerate(names):
            way = replace(WAY, frame=place) if place < 2 else None
            writer.add(name, np.zeros((*SIZE, 3), np.uint8), Annotation(navigation=way))
    return folder


def assert_same(found, expected):
    for field in fields(NavigationTruth):
        one, other = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(other, np.ndarray):
            np.testing.assert_allclose(one, other, atol=0.0001)
        else:
            assert one == other, field.name


def test_what_is_written_is_read_again(tmp_path):
    dataset = open_dataset(write(tmp_path / "set"))
    assert [dataset.name(index) for index in range(3)] == ["b", "c", "hall/a"]
    assert_same(dataset.annotation(0).navigation, replace(WAY, frame=0))
    assert dataset.annotation(1).navigation is None
    assert_same(dataset.annotation(2).navigation, replace(WAY, frame=1))
    assert list(dataset.faults()) == []


def test_a_finished_dataset_goes_on(tmp_path):
    folder = write(tmp_path / "set")
    before = (folder / NAVIGATION).read_bytes()
    with DatasetWriter(folder, Manifest(SPACE, frozenset({0}), frozenset())) as writer:
        writer.add("d", np.zeros((*SIZE, 3), np.uint8), Annotation())
    assert (folder / NAVIGATION).read_bytes() == before


def test_a_pack_has_the_ways_of_its_pictures(tmp_path):
    dataset = open_dataset(write(tmp_path / "set"))
    staged = Staged([dataset], SPACE, 640, tmp_path / "staged", lambda _: None)
    pack_file = tmp_path / "pack.zip"
    write_packs(staged, pack_file, 1, 1, lambda _: None)
    staged.close()
    pack = open_dataset(pack_file)
    assert_same(pack.annotation(0).navigation, replace(WAY, frame=0))
    assert pack.annotation(1).navigation is None


def test_drives_of_two_datasets_stay_apart(tmp_path):
    datasets = [open_dataset(write(tmp_path / name)) for name in ("one", "two")]
    joined = JoinedDataset(datasets, SPACE)
    assert joined.annotation(0).navigation.episode == "one/hall-7"
    assert joined.annotation(3).navigation.episode == "two/hall-7"
    assert JoinedDataset(datasets[:1], SPACE).annotation(0).navigation.episode == "hall-7"


def test_lines_that_are_wrong_are_faults(tmp_path):
    folder = write(tmp_path / "set")
    file = folder / NAVIGATION
    good, other = file.read_text().splitlines()
    wrong = json.dumps({**json.loads(other), "action": "jump"})
    stray = json.dumps({**json.loads(good), "name": "x"})
    file.write_text("\n".join([good, wrong, stray, "nonsense", ""]))
    dataset = open_dataset(folder)
    assert [str(fault).replace(f"{folder}/", "") for fault in dataset.faults()] == [
        "navigation.jsonl:3: no picture is named x: delete this line",
        "navigation.jsonl:4: this is not a line of JSON with a name: delete it",
        "navigation.jsonl:2: this way cannot be read (action is 'jump': choose from turn_left, forward, "
        "turn_right, stop): correct or delete the line",
    ]
    assert_same(dataset.annotation(0).navigation, replace(WAY, frame=0))
    with pytest.raises(ValueError, match=r"navigation.jsonl:2: this way cannot be read"):
        dataset.annotation(2)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("action", "jump", "action is 'jump': choose from turn_left"),
        ("goal_distance", float("inf"), "must be finite"),
        ("goal", (-1.0, 0.0), "cannot be negative"),
        ("scan", np.zeros(31), "scan must be"),
        ("scan", np.full(32, -0.1), "scan must be"),
        ("path", np.full((8, 2), np.nan), "path must be"),
    ],
)
def test_what_no_way_has(field, value, reason):
    with pytest.raises(ValueError, match=reason):
        replace(WAY, **{field: value})
