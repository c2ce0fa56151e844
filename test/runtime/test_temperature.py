"""Temperatures on a card make scores into probabilities, and change no answer but its certainty."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from vit_perception.cards.card import OUR_HEADS, load_card, write_card
from vit_perception.cards.rules import (
    ClassificationRule,
    Decoding,
    DetectionRule,
    SegmentationRule,
    read_decoding,
    write_decoding,
)
from vit_perception.runtime.decode import decode
from vit_perception.runtime.preprocess import fit
from vit_perception.runtime.request import Request

CARD = dataclasses.replace(load_card(Path(__file__).parents[1] / "fixtures" / "tiny"), trained=OUR_HEADS)
GEOMETRY = fit((480, 640), CARD.input_sizes)
RULES = Decoding(
    ClassificationRule(temperature=2.0), DetectionRule(temperature=0.5), SegmentationRule(temperature=3.0)
)


def look(rules, threshold=0.2, **fields):
    rng = np.random.default_rng(0)
    boxes = rng.uniform(0, 60, (1, 30, 2))
    raw = {
        "classification": rng.normal(0, 2, (1, 12)),
        "detection_boxes": np.concatenate([boxes, boxes + rng.uniform(10, 40, (1, 30, 2))], axis=2),
        "detection_scores": rng.normal(-1, 2, (1, 30, 6)),
        "segmentation": rng.normal(0, 2, (1, 12, 21, 28)),
        "navigation_action": np.zeros((1, 4)),
        "navigation_collision": np.zeros((1, 1)),
        "navigation_goal_distance": np.zeros((1, 1)),
        "attention": np.zeros((1, 2, 6, 8)),
    }
    thresholds = {"classification": 0.0, "detection": threshold}
    return decode(
        {name: value.astype(np.float32) for name, value in raw.items()},
        GEOMETRY,
        dataclasses.replace(CARD, decoding=rules, **fields),
        Request(thresholds=thresholds),
    )


def log_odds(scores):
    return np.log(scores / (1 - scores.astype(np.float64)))


def test_without_temperatures_nothing_changes_to_the_bit():
    plain, same = look(Decoding()), look(read_decoding({"detection": {"temperature": 1.0}}))
    np.testing.assert_array_equal(plain.classification.scores, same.classification.scores)
    np.testing.assert_array_equal(plain.detection.scores, same.detection.scores)
    np.testing.assert_array_equal(plain.segmentation.confidence, same.segmentation.confidence)
    assert write_decoding(Decoding()) == {}


@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_scores_are_divided_in_log_odds(weight):
    plain, warm = look(Decoding(), mask_agreement=weight), look(RULES, mask_agreement=weight)
    np.testing.assert_allclose(
        log_odds(warm.classification.scores), log_odds(plain.classification.scores) / 2, atol=1e-4
    )
    np.testing.assert_array_equal(warm.classification.class_ids, plain.classification.class_ids)
    if weight:
        return  # the mask that agrees is calibrated, too
    expected = plain.detection.scores[plain.detection.scores >= 1 / 3]  # 0.2 once squared in odds
    assert 0 < len(expected) < len(plain.detection.scores)
    np.testing.assert_allclose(log_odds(warm.detection.scores), log_odds(expected) * 2, rtol=1e-3)
    np.testing.assert_array_equal(warm.detection.boxes, plain.detection.boxes[: len(expected)])


def test_the_threshold_cuts_calibrated_scores():
    found = look(RULES, threshold=0.6).detection.scores
    everything = look(RULES, threshold=0.0).detection.scores
    np.testing.assert_allclose(found, everything[everything >= 0.6], atol=1e-6)
    assert len(found)


def test_a_mask_becomes_less_sure_and_keeps_its_classes():
    plain, warm = look(Decoding()).segmentation, look(RULES).segmentation
    assert warm.confidence.mean() < plain.confidence.mean()
    # Between cells, interpolated probabilities may change their order.
    assert (warm.mask == plain.mask).mean() > 0.8


def test_a_card_keeps_them(tmp_path):
    card = dataclasses.replace(CARD, decoding=RULES, folder=tmp_path)
    write_card(card)
    assert load_card(tmp_path).decoding == RULES


@pytest.mark.parametrize("value", [0, -1.0, "1", None, True, float("inf"), float("nan")])
def test_a_wrong_temperature_is_refused(value):
    with pytest.raises(ValueError, match=r"temperature is .* give a positive number"):
        read_decoding({"segmentation": {"temperature": value}})
