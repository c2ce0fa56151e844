"""The models that are shipped: complete, intact, light, and honest about what they are."""

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
    held_out = card.metrics["held_out"]
    assert held_out["photographs"] > 0
    assert held_out["engine"]
    for class_id in card.things:
        assert 0 <= held_out[f"ap50/{card.labels[class_id]}"] <= 100
    for label in card.labels:
        assert 0 <= held_out[f"iou/{label}"] <= 100
    assert "navigation.goal_distance" not in card.trained, "a single photograph knows no metres"
