import numpy as np
import pytest

from vit_perception.runtime.mask_agreement import agree

CELL = 4.0
BOXES = np.array([[40, 40, 80, 80], [44, 44, 60, 60], [120, 20, 160, 60]], np.float32)
SCORES = np.array([0.5, 0.5, 0.5], np.float32)


def things(certainty=0.9):
    """Two classes on 40x50 cells; one object of class 0 where the first box is."""
    probabilities = np.zeros((2, 40, 50), np.float32)
    probabilities[0, 10:20, 10:20] = certainty
    return dict(enumerate(probabilities))


def test_box_around_its_object_gains_and_others_lose():
    whole, part, elsewhere = agree(SCORES, np.zeros(3, int), BOXES, things(), CELL, 0.6)
    assert whole == pytest.approx(0.5**0.4)
    assert whole > part > elsewhere > 0


def test_object_of_another_class_does_not_count():
    scores = agree(SCORES, np.array([1, 0, 0]), BOXES, things(), CELL, 0.6)
    assert scores[0] == pytest.approx(scores[2])


@pytest.mark.parametrize("certainty", [0.35, 0.6, 0.8])
def test_object_is_seen_at_any_certainty(certainty):
    assert agree(SCORES, np.zeros(3, int), BOXES, things(certainty), CELL, 0.6)[0] == pytest.approx(0.5**0.4)


def test_weight_is_how_much_the_mask_says():
    order = [agree(SCORES, np.zeros(3, int), BOXES, things(), CELL, weight)[2] for weight in (0.0, 0.3, 0.6)]
    assert order[0] == pytest.approx(0.5)
    assert order[0] > order[1] > order[2]


def test_nothing_to_weigh():
    assert agree(SCORES[:0], np.zeros(0, int), BOXES[:0], things(), CELL, 0.6).shape == (0,)
