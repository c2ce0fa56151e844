"""Datasets with a damaged file, at random but repeatable: a fault or one sentence, never anything else."""

import random
import re
import shutil

import pytest

from data.material import coco_folder, mask_folder, panoptic_folder, voc_folder, yolo_folder
from data.test_bag import recorded, write_bag
from data.test_suite_format import write
from vit_perception.data.open import open_dataset

DAMAGED = 25
WORDS = (b"-1", b"null", b"1e99", b'"x"', b"[]", b"{}", b"99999999999999999999", b"true", b"", b"0.5")


def damaged(content, chance):
    """Bytes with other values, a part missing, or another word."""
    content = bytearray(content)
    kind = chance.randrange(4)
    place = chance.randrange(len(content) + 1)
    words = list(re.finditer(rb"[\w.]+", bytes(content)))
    if kind == 0:
        content[place : place + 1] = chance.randbytes(1)
    elif kind == 1:
        del content[place:]
    elif kind == 2 or not words:
        del content[place : place + chance.randint(1, 12)]
    else:
        word = chance.choice(words)
        content[word.start() : word.end()] = chance.choice(WORDS)
    return bytes(content)


@pytest.mark.parametrize(
    "make",
    [
        coco_folder,
        panoptic_folder,
        yolo_folder,
        voc_folder,
        mask_folder,
        write,
        lambda folder: write_bag(folder, recorded()),
        lambda folder: write_bag(folder, recorded(), "sqlite3"),
    ],
    ids=["coco", "panoptic", "yolo", "voc", "masks", "ours", "mcap", "sqlite3"],
)
def test_a_damaged_file(tmp_path, make):
    whole = make(tmp_path / "whole")
    files = sorted(path.relative_to(whole) for path in whole.rglob("*.*") if path.suffix != ".jpg")
    chance = random.Random(5)
    noticed = 0
    for round_ in range(DAMAGED):
        folder = tmp_path / str(round_)
        shutil.copytree(whole, folder)
        file = folder / chance.choice(files)
        file.write_bytes(damaged(file.read_bytes(), chance))
        try:
            reasons = [fault.reason for fault in open_dataset(folder).faults()]
        except (ValueError, OSError) as error:
            reasons = [str(error)]
        noticed += bool(reasons)
        assert not any("\n" in reason for reason in reasons), reasons
    assert noticed > DAMAGED / 5
