"""Held-out parts never overlap, are the same each time, and have their share of every class."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from vit_perception.training.split import HELD_OUT, PARTS, read_split, split_pictures, write_split

NAMES = [f"p{number}" for number in range(200)]
EXAMPLES = np.zeros((200, 3), bool)
EXAMPLES[:, 0] = True
EXAMPLES[::2, 1] = True
EXAMPLES[:20, 2] = True


def test_every_picture_is_in_one_part_and_every_class_in_all():
    split = split_pictures(NAMES, EXAMPLES, 0.1)
    assert sorted(number for numbers in split.values() for number in numbers) == list(range(200))
    for part in HELD_OUT:
        assert 15 <= len(split[part]) <= 25
        assert EXAMPLES[split[part]].sum(axis=0)[2] == 2
    assert split == split_pictures(NAMES, EXAMPLES, 0.1)


def test_many_rare_classes_do_not_keep_all_pictures_in_training():
    rare = np.concatenate([EXAMPLES[:, :1], np.eye(200, dtype=bool)], axis=1)
    split = split_pictures(NAMES, rare, 0.1)
    assert [len(split[part]) for part in HELD_OUT] == [20, 20, 20]


def test_what_a_dataset_holds_out_is_never_trained_on():
    reserved = frozenset(range(50, 80))
    split = split_pictures(NAMES, EXAMPLES, 0.1, reserved)
    assert {number for part in HELD_OUT for number in split[part]} == reserved
    assert all(8 <= len(split[part]) <= 12 for part in HELD_OUT)


@pytest.mark.parametrize("count", [4, 5, 9])
@pytest.mark.parametrize("reserved", [frozenset(), frozenset({0, 1, 2})])
def test_few_pictures_still_fill_every_part(count, reserved):
    split = split_pictures(NAMES[:count], EXAMPLES[:count], 0.1, reserved)
    assert all(split[part] for part in PARTS)


def test_too_few_pictures_are_refused():
    with pytest.raises(ValueError, match="3 labelled pictures are too few: give at least 4"):
        split_pictures(NAMES[:3], EXAMPLES[:3], 0.1)
    with pytest.raises(ValueError, match="holds out 2 pictures: give at least 3"):
        split_pictures(NAMES, EXAMPLES, 0.1, frozenset({1, 2}))
    with pytest.raises(ValueError, match="give pictures to train on"):
        split_pictures(NAMES[:6], EXAMPLES[:6], 0.1, frozenset(range(6)))


def test_parts_are_names_in_a_file(tmp_path):
    split = split_pictures(NAMES, EXAMPLES, 0.1)
    path = tmp_path / "splits.yaml"
    write_split(split, NAMES, path)
    assert read_split(path, NAMES) == split
    content = yaml.safe_load(path.read_text())
    content["train"].append(content["report"][0])
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match=f"names '{content['report'][0]}' twice"):
        read_split(path, NAMES)
    with pytest.raises(ValueError, match="the datasets have no such picture"):
        read_split(path, NAMES[:100])


def _written(path, **parts):
    path.write_text(yaml.safe_dump(parts))
    return path


def test_a_file_by_hand_names_what_is_held_out(tmp_path):
    parts = {"choose": NAMES[:2], "calibrate": NAMES[2:3], "report": NAMES[3:5]}
    split = read_split(_written(tmp_path / "splits.yaml", **parts), NAMES)
    assert [split[part] for part in ("choose", "calibrate", "report")] == [[0, 1], [2], [3, 4]]
    assert split["train"] == list(range(5, len(NAMES)))


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"choose": NAMES[:1], "report": NAMES[1:2]}, "must have the parts report, choose, calibrate"),
        ({"choose": NAMES[:1], "calibrate": [], "report": NAMES[1:2]}, "names no pictures in calibrate"),
        (
            {"choose": NAMES[:1], "calibrate": NAMES[1:2], "report": NAMES[2:]},
            "holds all pictures out: leave some to train on",
        ),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path, parts, reason):
    with pytest.raises(ValueError, match=reason):
        read_split(_written(tmp_path / "splits.yaml", **parts), NAMES)
    with pytest.raises(FileNotFoundError, match="give a YAML file with the parts"):
        read_split(tmp_path / "none.yaml", NAMES)
