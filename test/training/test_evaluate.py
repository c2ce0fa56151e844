"""Coarse groups of a card are measured wherever a model is: by evaluate, quantize and compress."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs torch: make test installs it")
pytest.importorskip("openvino", reason="openvino is not installed")
pytest.importorskip("pycocotools", reason="average precision needs pycocotools: make test installs it")
pytest.importorskip("sklearn", reason="presence needs scikit-learn: make test installs it")

from training.folders import mask_folder, yolo_folder
from vit_perception import cli
from vit_perception.cards.card import load_card, write_card
from vit_perception.training import evaluate

TINY = Path(__file__).parents[1] / "fixtures" / "tiny"
LABELS = ("box", "ball", "floor", "wall", *(f"unused {place}" for place in range(8)))
# Other groups than those of the default label space, to which floor and wall belong.
GROUPS = ("toy", "toy", "surface", "surface", *["unused"] * 8)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The tiny model with the labels of the drawn pictures, in groups."""
    folder = shutil.copytree(TINY, tmp_path_factory.mktemp("models") / "grouped")
    write_card(dataclasses.replace(load_card(folder), labels=LABELS, coarse=GROUPS))
    return folder


@pytest.fixture(scope="module")
def masks(tmp_path_factory):
    return mask_folder(tmp_path_factory.mktemp("masks"), count=3)


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (yolo_folder, {"ap50", "ap50/box", "ap50_coarse", "ap50_coarse/toy"}),
        (mask_folder, {"miou", "iou/wall", "miou_coarse", "iou_coarse/toy", "iou_coarse/surface"}),
    ],
)
def test_evaluate_measures_the_groups(model, make, names, tmp_path, monkeypatch, capsys):
    data = make(tmp_path / "data", count=3)
    monkeypatch.setattr(sys, "argv", ["evaluate", "--data", str(data), "--model", str(model)])
    evaluate.main()
    _, *lines = capsys.readouterr().out.splitlines()
    printed = {line[:24].strip(): float(line[24:]) for line in lines}
    assert names <= set(printed)
    assert all(0 <= value <= 100 for value in printed.values())


@pytest.mark.parametrize(("name", "measured"), [("tiny", True), ("tiny_navigator", False)])
def test_a_navigator_is_not_asked_for_the_way_of_a_photograph(
    masks, name, measured, tmp_path, monkeypatch, capsys
):
    model = shutil.copytree(TINY.parent / name, tmp_path / "model")
    card = load_card(model)
    labels = ("floor", "wall", "box", "ball")
    write_card(dataclasses.replace(card, labels=(labels + card.labels)[: len(card.labels)], coarse=()))
    monkeypatch.setattr(sys, "argv", ["evaluate", "--data", str(masks), "--model", str(model)])
    evaluate.main()
    printed = capsys.readouterr().out
    assert "miou" in printed
    assert ("action_accuracy" in printed) == measured


def test_quantize_says_what_it_costs_in_groups(model, masks, tmp_path):
    pytest.importorskip("nncf", reason="NNCF is not installed")
    folder = tmp_path / "int8"
    assert cli.main(["quantize", str(model), "--data", str(masks), "--output", str(folder), "--keep"]) == 0
    card = load_card(folder)
    assert card.coarse == GROUPS
    assert {"miou_fp32", "miou_coarse_fp32", "miou_coarse_int8"} <= set(card.metrics["int8"])


def test_compress_says_what_it_costs_in_groups(model, masks, tmp_path):
    folder = tmp_path / "small"
    arguments = ["compress", str(model), "--data", str(masks), "--output", str(folder)]
    assert cli.main([*arguments, "--mlp-ratio", "2"]) == 0
    card = load_card(folder)
    assert card.coarse == GROUPS
    assert {"miou_coarse_before", "miou_coarse"} <= set(card.metrics["compressed"])
