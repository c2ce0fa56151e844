"""Smooth answers: they flicker less, follow what changes, and move with the camera."""

from __future__ import annotations

import numpy as np
import pytest

from vit_perception.runtime.results import UNLABELLED, Navigation, Perception, Segmentation
from vit_perception.runtime.smoothing import Smoother

SIZE = (40, 60)


def seen(mask: np.ndarray | int, confidence: int, collision: float | None = None) -> Perception:
    shape = np.zeros(SIZE, np.uint8)
    navigation = None
    if collision is not None:
        scores = np.float32([1 - collision, collision])
        navigation = Navigation(actions=("stop", "forward"), action_scores=scores, collision=collision)
    return Perception(
        SIZE,
        segmentation=Segmentation((shape + mask).astype(np.uint8), (shape + confidence).astype(np.uint8)),
        navigation=navigation,
    )


def classes(perception: Perception) -> list[int]:
    assert perception.segmentation is not None
    return sorted(set(perception.segmentation.mask.ravel().tolist()))


def test_a_class_that_is_less_sure_does_not_win_for_a_frame() -> None:
    smoother = Smoother()
    smoother.update(seen(1, 200), 0.0, 0.6)
    assert classes(smoother.update(seen(2, 180), 0.1, 0.6)) == [1]
    assert classes(smoother.update(seen(1, 200), 0.2, 0.6)) == [1]


def test_what_has_changed_wins_within_some_frames() -> None:
    smoother = Smoother()
    smoother.update(seen(1, 250), 0.0, 0.8)
    answers = [classes(smoother.update(seen(2, 250), 0.1 * frame, 0.8)) for frame in range(1, 12)]
    assert answers[0] == [1]
    assert answers[-1] == [2]


def test_the_confidence_is_the_mean_where_both_agree() -> None:
    smoother = Smoother()
    smoother.update(seen(1, 200), 0.0, 0.5)
    found = smoother.update(seen(1, 100), 0.1, 0.5).segmentation
    assert found is not None
    np.testing.assert_allclose(found.confidence, 150, atol=1)


def test_the_mask_moves_with_the_camera() -> None:
    smoother = Smoother()
    mask = np.ones(SIZE, np.uint8)
    mask[:, 10:20] = 2
    smoother.update(seen(mask, 200), 0.0, 0.6)
    motion = np.array([[1.0, 0, 15], [0, 1, 0], [0, 0, 1]])
    found = smoother.update(seen(3, 100), 0.1, 0.6, motion).segmentation
    assert found is not None
    expected = np.ones(SIZE, np.uint8)
    expected[:, :15] = 3  # nobody knows what was there
    expected[:, 25:35] = 2
    np.testing.assert_array_equal(found.mask, expected)


def test_a_smaller_mask_moves_as_far() -> None:
    smoother = Smoother()
    mask = np.ones(SIZE, np.uint8)
    mask[:, 10:20] = 2
    whole = seen(mask, 200)
    smoother.update(Perception((80, 120), segmentation=whole.segmentation), 0.0, 0.6)
    motion = np.array([[1.0, 0, 30], [0, 1, 0], [0, 0, 1]])
    faint = Perception((80, 120), segmentation=seen(3, 100).segmentation)
    found = smoother.update(faint, 0.1, 0.6, motion).segmentation
    assert found is not None
    assert np.flatnonzero(found.mask[20] == 2).tolist() == list(range(25, 35))


def test_unlabelled_pixels_take_what_was_known() -> None:
    smoother = Smoother()
    smoother.update(seen(1, 200), 0.0, 0.6)
    assert classes(smoother.update(seen(UNLABELLED, 0), 0.1, 0.6)) == [1]


def test_actions_and_collisions_are_means() -> None:
    smoother = Smoother()
    smoother.update(seen(1, 200, 0.2), 0.0, 0.75)
    found = smoother.update(seen(1, 200, 1.0), 0.1, 0.75).navigation
    assert found is not None
    assert found.collision == pytest.approx(0.4)
    np.testing.assert_allclose(found.action_scores, [0.6, 0.4], atol=1e-6)


@pytest.mark.parametrize("seconds", [-1.0, 5.0])
def test_after_a_pause_or_a_jump_back_nothing_of_before_counts(seconds: float) -> None:
    smoother = Smoother()
    smoother.update(seen(1, 250, 0.0), 0.0, 0.9)
    found = smoother.update(seen(2, 50, 1.0), seconds, 0.9)
    assert classes(found) == [2]
    assert found.navigation is not None
    assert found.navigation.collision == 1.0


def test_a_task_that_is_not_asked_for_stays_away() -> None:
    smoother = Smoother()
    smoother.update(seen(1, 250, 0.0), 0.0, 0.9)
    found = smoother.update(Perception(SIZE), 0.1, 0.9)
    assert (found.segmentation, found.navigation) == (None, None)


def test_what_was_published_stays_as_it_was() -> None:
    smoother = Smoother()
    first = smoother.update(seen(1, 250), 0.0, 0.6).segmentation
    assert first is not None
    smoother.update(seen(2, 100), 0.1, 0.6)
    assert set(first.mask.ravel().tolist()) == {1}
    assert set(first.confidence.ravel().tolist()) == {250}
