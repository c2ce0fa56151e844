"""Results of classes that are not wanted are left out, and the others stay as they are."""

import numpy as np
import pytest

from vit_perception.nodes.class_filter import filter_classes
from vit_perception.runtime.results import Classification, Detection, Perception

PERCEPTION = Perception(
    (10, 10),
    Classification(np.array([2, 0, 1]), np.array([0.9, 0.8, 0.7], np.float32)),
    Detection(
        np.arange(8, dtype=np.float32).reshape(2, 4),
        np.array([1, 0]),
        np.array([0.9, 0.5], np.float32),
        np.array([7, 8]),
    ),
)


def test_without_a_filter_nothing_changes():
    found = filter_classes(PERCEPTION, {})
    assert found.classification is PERCEPTION.classification
    assert found.detection is PERCEPTION.detection


@pytest.mark.parametrize(("wanted", "rest"), [({0, 1}, [0, 1]), ({2}, [2]), (set(), [])])
def test_classes(wanted, rest):
    found = filter_classes(PERCEPTION, {"classification": frozenset(wanted)})
    assert list(found.classification.class_ids) == rest
    assert len(found.classification.scores) == len(rest)
    assert found.detection is PERCEPTION.detection


def test_boxes_keep_their_scores_and_instances():
    found = filter_classes(PERCEPTION, {"detection": frozenset({0})}).detection
    np.testing.assert_array_equal(found.boxes, [[4, 5, 6, 7]])
    assert (list(found.class_ids), list(found.scores), list(found.instance_ids)) == ([0], [0.5], [8])


def test_a_task_without_a_result_stays_without():
    assert filter_classes(Perception((1, 1)), {"detection": frozenset({0})}).detection is None
