"""No number on a card is of a picture that the model was adapted to."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs torch: make test installs it")
pytest.importorskip("pycocotools", reason="average precision needs pycocotools: make test installs it")
pytest.importorskip("sklearn", reason="presence needs scikit-learn: make test installs it")

from training.folders import mask_folder
from training.test_evaluate import GROUPS, LABELS
from vit_perception.cards.card import load_card
from vit_perception.training.material import Material, gather

TINY = Path(__file__).parents[1] / "fixtures" / "tiny"
CARD = dataclasses.replace(load_card(TINY), labels=LABELS, coarse=GROUPS)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return mask_folder(tmp_path_factory.mktemp("masks"), count=10)


def shown(material: Material) -> set[bytes]:
    return {frame.tobytes() for frame in material.frames}


def measured(material: Material) -> set[bytes]:
    assert material.pictures is not None
    return {material.pictures.picture(number).tobytes() for number in material.numbers}


def test_pictures_to_measure_on_are_others(data, capsys):
    material = gather(data, CARD, None, 128)
    assert (len(material.frames), material.measured()) == (8, {"photographs": 2, "held_out": False})
    assert not shown(material) & measured(material)
    assert "may have learned from these" in capsys.readouterr().out
    assert len(gather(data, CARD, None, 3).frames) == 3


def test_what_a_run_held_out_is_measured_on(data, tmp_path, capsys):
    pictures = gather(data, CARD, None, 1).pictures
    assert pictures is not None
    names = [pictures.name(number) for number in range(len(pictures))]
    splits = tmp_path / "splits.yaml"
    parts = {"train": names[:5], "choose": names[5:6], "calibrate": names[6:7], "report": names[7:]}
    splits.write_text("".join(f"{part}: {list(each)}\n" for part, each in parts.items()))
    material = gather(data, CARD, splits, 128)
    assert material.numbers == (7, 8, 9)
    assert material.held_out
    assert len(material.frames) == 7
    assert not shown(material) & measured(material)


def test_without_labels_answers_are_compared_on_others(data):
    material = gather(data / "images", load_card(TINY), None, 4)
    assert material.pictures is None
    assert len(material.frames) == 4
    assert material.others
    assert not shown(material) & {frame.tobytes() for frame in material.others}
