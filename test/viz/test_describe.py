"""Answers and cards as text."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from vit_perception.cards.card import load_card
from vit_perception.runtime.results import (
    Attention,
    Classification,
    Depth,
    Detection,
    Navigation,
    Perception,
    Segmentation,
)
from vit_perception.viz.describe import describe_card, describe_perception

CARD = load_card(Path(__file__).parents[1] / "fixtures" / "tiny")


def test_perception_names_classes_and_places():
    mask = np.zeros((10, 10), np.uint8)
    mask[:3] = 7
    mask[9] = 255
    heat = np.zeros((10, 10), np.float32)
    heat[4, 6] = 1
    text = describe_perception(
        Perception(
            (10, 10),
            Classification(np.array([2, 3]), np.array([0.9, 0.2], np.float32)),
            Detection(np.array([[1, 2, 3, 4]], np.float32), np.array([2]), np.array([0.75], np.float32)),
            Segmentation(mask, mask),
            Navigation(CARD.actions, np.array([0.1, 0.7, 0.1, 0.1], np.float32), 0.25, 1.5),
            Depth(np.linspace(1, 3, 100, dtype=np.float32).reshape(10, 10)),
            Attention(heat),
        ),
        CARD,
    )
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in text.splitlines()}
    assert lines == {
        "classification": "animal 0.90, furniture 0.20",
        "detection": "animal 0.75 at 1,2 to 3,4",
        "segmentation": "person 60%, sky 30%, unlabelled 10%",
        "navigation": "forward 0.70, way ahead blocked 0.25, goal in 1.5 m",
        "depth": "nearest 1.04 m, median 2.00 m, farthest 2.96 m",
        "attention": "strongest at 6,4",
    }


def test_nothing_found_is_said():
    none = np.zeros(0)
    text = describe_perception(
        Perception((10, 10), Classification(none, none), Detection(none.reshape(0, 4), none, none)), CARD
    )
    assert [line.split(None, 1)[1] for line in text.splitlines()] == [
        "nothing above 0.5",
        "nothing above 0.3",
    ]
    assert describe_perception(Perception((10, 10)), CARD) == ""


def test_labels_are_listed_in_their_groups_and_their_metrics_in_a_line():
    groups = ("person", *["thing"] * 5, "ground", "sky", *["stuff"] * 4)
    metrics = {"held_out": {"iou/person": 12.5, "miou": 40.0, "iou/vehicle": 7.5}}
    lines = describe_card(dataclasses.replace(CARD, coarse=groups, metrics=metrics)).splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("  labels"))
    assert [line.removeprefix("  labels").strip() for line in lines[start : start + 5]] == [
        "person",
        "thing: vehicle, animal, furniture, food, electronics",
        "ground",
        "sky",
        "stuff: structure, vegetation, water, other",
    ]
    assert sum("held_out" in line for line in lines) == 2
    assert "held_out.iou by label: person 12.5, vehicle 7.5" in "\n".join(lines)


def test_a_hundred_labels_stay_readable():
    labels = tuple(f"label {place}" for place in range(100))
    text = describe_card(dataclasses.replace(CARD, labels=labels))
    assert max(map(len, text.splitlines())) < 120
    assert " ".join(text.split()).count("label ") == 100


@pytest.mark.parametrize("metrics", [{}, {"detection": {"AP50": 21.5}}])
def test_card(metrics):
    text = describe_card(dataclasses.replace(CARD, metrics=metrics))
    assert text.startswith("tiny\n")
    assert "112x84" in text
    assert "Apache-2.0" in text
    assert ("detection.AP50: 21.5" if metrics else "none stated") in text
