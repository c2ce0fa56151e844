"""The models that are shipped: complete, intact, light, and honest about what they are."""

import dataclasses
import hashlib
from pathlib import Path

import pytest

from vit_perception.cards.card import load_card
from vit_perception.cards.locate import DEFAULT_MODEL

MODELS = Path(__file__).parents[1] / "models"
CARDS = sorted(MODELS.glob("*/model.yaml"))


def test_default_model_is_shipped():
    assert DEFAULT_MODEL in {card.parent.name for card in CARDS}


def test_all_models_together_stay_light():
    assert sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file()) < 80e6


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.parent.name)
def test_card_tells_the_truth_about_its_files(path):
    card = load_card(path)
    assert card.name == path.parent.name
    for name, digest in card.sha256.items():
        assert hashlib.sha256((path.parent / name).read_bytes()).hexdigest() == digest, name
    assert card.licence
    assert card.provenance
    check_metrics(card)
    assert "navigation.path" in card.trained, "it drives: make drive"


def check_metrics(card):
    """The means are there, and of single labels those that were in a held-out picture."""
    held_out = card.metrics["held_out"]
    assert held_out["photographs"] > 0
    assert held_out["engine"]
    assert {"ap50", "miou"} <= set(held_out)
    if card.coarse:
        assert {"ap50_coarse", "miou_coarse"} <= set(held_out)
    known = {*card.labels, *card.coarse}
    for name, value in held_out.items():
        _, slash, label = name.partition("/")
        assert not slash or label in known, name
        if slash or name.startswith(("ap50", "miou")):
            assert 0 <= value <= 100, name


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"ap50": None}, "ap50"),
        ({"miou_coarse": None}, "miou_coarse"),
        ({"iou/cat": 101}, "iou/cat"),
        ({"ap50/unicorn": 5}, "ap50/unicorn"),
    ],
)
def test_a_card_with_wrong_metrics_would_be_noticed(change, wrong):
    card = load_card(CARDS[0])
    whole = {"photographs": 9, "engine": "any", "ap50": 1, "miou": 2, "ap50_coarse": 3, "miou_coarse": 4}
    labels = ("cat", *card.labels[1:])
    card = dataclasses.replace(card, labels=labels, coarse=("animal", *labels[1:]))
    check_metrics(dataclasses.replace(card, metrics={"held_out": {**whole, "iou/cat": 5}}))
    metrics = {name: value for name, value in {**whole, **change}.items() if value is not None}
    with pytest.raises(AssertionError, match=wrong):
        check_metrics(dataclasses.replace(card, metrics={"held_out": metrics}))
