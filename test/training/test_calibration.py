"""Temperatures make scores into probabilities; thresholds balance precision and recall."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: make test installs it")

from training.small_dataset import BALL, BOX, EVERYTHING
from training.small_dataset import known as known_of
from vit_perception.cards.card import load_card
from vit_perception.data.annotation import Annotation
from vit_perception.runtime.preprocess import preprocess
from vit_perception.runtime.results import Detection
from vit_perception.training.boxes import match_boxes
from vit_perception.training.calibrate import calibrate, measure_calibration
from vit_perception.training.examples import Example
from vit_perception.training.spaces import space_of_card
from vit_perception.training.temperature import (
    binary_loss,
    calibration_error,
    fit_temperature,
    softmax_loss,
)
from vit_perception.training.thresholds import best_threshold

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_of_binary_scores_is_found(temperature):
    honest = RNG.normal(0, 2, 20_000)
    right = RNG.random(20_000) < 1 / (1 + np.exp(-honest))
    claimed = honest * temperature
    assert fit_temperature(binary_loss(claimed, right)) == pytest.approx(temperature, rel=0.05)
    assert calibration_error(1 / (1 + np.exp(-claimed / temperature)), right) < 2
    if temperature > 1:
        assert calibration_error(1 / (1 + np.exp(-claimed)), right) > 5


def test_the_temperature_of_classes_is_found():
    honest = RNG.normal(0, 2, (20_000, 4))
    odds = np.exp(honest)
    truth = (RNG.random((20_000, 1)) < (odds / odds.sum(1, keepdims=True)).cumsum(1)).argmax(1)
    assert fit_temperature(softmax_loss(honest * 3, truth)) == pytest.approx(3, rel=0.05)


def test_the_error_is_the_distance_from_what_is_right():
    scores = np.full(1000, 0.9)
    assert calibration_error(scores, np.arange(1000) < 900) == pytest.approx(0, abs=1e-6)
    assert calibration_error(scores, np.arange(1000) < 600) == pytest.approx(30)
    assert calibration_error(np.array([]), np.array([], bool)) == 0


BOXES = np.array([[10, 10, 50, 50], [60, 20, 90, 80]], np.float32)


def example(known=EVERYTHING, **fields):
    annotation = Annotation(**{"boxes": BOXES, "class_ids": np.array([BOX, BALL]), **fields})
    return Example(np.zeros((100, 100, 3), np.uint8), annotation, known)


def test_an_object_is_found_once_and_by_its_class():
    found = Detection(
        np.concatenate([BOXES[:1], BOXES[:1] + 2, BOXES[1:]]),
        np.array([BOX, BOX, BOX]),
        np.array([0.9, 0.8, 0.7], np.float32),
    )
    scores, right = match_boxes(found, example())
    assert scores.tolist() == pytest.approx([0.9, 0.8, 0.7])
    assert right.tolist() == [True, False, False]
    ignored = example(ignored_boxes=BOXES[1:], ignored_ids=np.array([-1]))
    assert match_boxes(found, ignored)[1].tolist() == [True, False]
    nothing = example(known_of({BALL}, set()))
    assert len(match_boxes(found, nothing)[0]) == 0


def test_the_threshold_has_the_highest_f1():
    scores = np.array([0.95, 0.85, 0.625, 0.3, 0.2])
    right = np.array([True, True, True, False, False])
    assert best_threshold(scores, right, objects=3) == 0.62
    assert best_threshold(scores, np.zeros(5, bool), objects=3) == 0.5
    assert best_threshold(np.array([0.01]), np.array([True]), objects=1) == 0.1


class Claims:
    """A predictor that is three times as sure as it should be, and its 40 pictures."""

    def __init__(self, card):
        self.card = card
        rng = np.random.default_rng(1)
        self.honest = rng.normal(0, 1.5, (40, 12)).astype(np.float32)
        self.present = rng.random((40, 12)) < 1 / (1 + np.exp(-self.honest))
        self.space = space_of_card(card)
        self.parts = {}

    def __len__(self):
        return 40

    def name(self, index):
        return str(index)

    def picture(self, index):
        return np.full((60, 80, 3), index, np.uint8)

    def annotation(self, index):
        ids = np.flatnonzero(self.present[index])
        return Annotation(np.tile(np.array([[0, 0, 9, 9]], np.float32), (len(ids), 1)), ids)

    def known_boxes(self, index):
        return np.ones(12, bool)

    known_absent = known_boxes

    def known_mask(self, index):
        return np.zeros(12, bool)

    def raw(self, rgb, order, tasks):
        _, geometry = preprocess(rgb, self.card, order)
        return {"classification": 3 * self.honest[None, rgb[0, 0, 0]]}, geometry


def test_a_head_is_calibrated_and_other_pictures_say_how_well():
    tiny = load_card(Path(__file__).parents[1] / "fixtures" / "tiny")
    claims = Claims(dataclasses.replace(tiny, trained=("classification",)))
    claims.card = calibrate(claims, claims, range(20))
    assert claims.card.decoding.classification.temperature == pytest.approx(3, rel=0.25)
    assert claims.card.decoding.segmentation.temperature == claims.card.decoding.detection.temperature == 1
    errors = measure_calibration(claims, claims, range(20, 40))
    assert set(errors) == {"classification_before", "classification_after"}
    assert 2 * errors["classification_after"] < errors["classification_before"]


def test_the_error_is_of_the_temperatures_on_the_card():
    tiny = load_card(Path(__file__).parents[1] / "fixtures" / "tiny")
    claims = Claims(dataclasses.replace(tiny, trained=("classification",)))
    errors = measure_calibration(claims, claims, range(40))
    assert errors["classification_after"] == errors["classification_before"] > 10


def test_a_coarse_model_is_measured_on_fine_labels():
    card = load_card(Path(__file__).parents[1] / "fixtures" / "tiny")
    space = space_of_card(card)
    assert space.names == card.labels
    assert space.things == card.things
    for fine, coarse in (("car", "vehicle"), ("floor-wood", "ground"), ("sofa", "furniture"), ("sky", "sky")):
        assert space.names[space.id_of(fine)] == coarse
    assert [label.name for label in space.labels if label.drivable] == ["ground"]


def test_a_model_is_measured_in_the_groups_of_its_card():
    card = load_card(Path(__file__).parents[1] / "fixtures" / "tiny")
    labels = ("car", "sofa", "sky", *(f"new {place}" for place in range(9)))
    card = dataclasses.replace(card, labels=labels)
    assert space_of_card(card).groups[:3] == ("vehicle", "furniture", "sky")
    groups = ("traffic", "traffic", *["rest"] * 10)
    space = space_of_card(dataclasses.replace(card, coarse=groups))
    assert space.groups == groups
    assert space.id_of("automobile") == 0, "other names of a label are known as before"
