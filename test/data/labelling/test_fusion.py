"""Fused boxes, against weighted boxes fusion computed by hand."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

if importlib.util.find_spec("ensemble_boxes") is None:
    pytest.skip("ensemble-boxes is not installed", allow_module_level=True)

from vit_perception.data.labelling.fusion import View, box_overlap, fuse_boxes

SIZE = (100, 200)


def view(
    boxes: list[list[float]],
    classes: list[int],
    scores: list[float],
    knows: tuple[int, ...],
    weight: float = 1.0,
) -> View:
    return View(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(classes, np.int64),
        np.array(scores, np.float32),
        frozenset(knows),
        weight,
    )


def test_two_that_agree_give_the_mean_weighted_by_score() -> None:
    first = view([[10, 10, 50, 50]], [3], [0.9], (3,))
    second = view([[14, 10, 54, 50]], [3], [0.3], (3,))
    boxes, class_ids, scores = fuse_boxes([first, second], SIZE, 0.55)
    # (0.9 · 10 + 0.3 · 14) / 1.2 = 11
    np.testing.assert_allclose(boxes, [[11, 10, 51, 50]], atol=1e-3)
    np.testing.assert_array_equal(class_ids, [3])
    np.testing.assert_allclose(scores, [0.6], atol=1e-6)


def test_one_that_knows_a_class_and_finds_nothing_lowers_the_score() -> None:
    found = view([[10, 10, 50, 50], [100, 10, 150, 50]], [3, 4], [0.9, 0.8], (3, 4))
    nothing = view([], [], [], (3,))
    boxes, class_ids, scores = fuse_boxes([found, nothing], SIZE, 0.55)
    # Only the first knows class 4: nobody contradicts it.
    np.testing.assert_array_equal(class_ids, [4, 3])
    np.testing.assert_allclose(scores, [0.8, 0.45], atol=1e-6)
    np.testing.assert_allclose(boxes[0], [100, 10, 150, 50], atol=1e-3)


def test_weights_count() -> None:
    first = view([[10, 10, 50, 50]], [0], [0.5], (0,), weight=3)
    second = view([[20, 10, 60, 50]], [0], [0.5], (0,))
    boxes, _, scores = fuse_boxes([first, second], SIZE, 0.5)
    np.testing.assert_allclose(boxes, [[12.5, 10, 52.5, 50]], atol=1e-3)
    np.testing.assert_allclose(scores, [0.5], atol=1e-6)


def test_classes_and_places_are_kept_apart_and_empty_boxes_dropped() -> None:
    first = view([[10, 10, 50, 50], [30, 30, 30, 60], [120, 10, 160, 60]], [0, 0, 0], [0.9, 0.8, 0.6], (0, 1))
    second = view([[10, 10, 50, 50]], [1], [0.7], (0, 1))
    _, class_ids, scores = fuse_boxes([first, second], SIZE, 0.55)
    np.testing.assert_array_equal(class_ids, [0, 1, 0])
    np.testing.assert_allclose(scores, [0.45, 0.35, 0.3], atol=1e-6)


def test_nothing_is_fused_to_nothing() -> None:
    for views in ([], [view([], [], [], (0,))]):
        boxes, class_ids, scores = fuse_boxes(views, SIZE, 0.55)
        assert (boxes.shape, class_ids.shape, scores.shape) == ((0, 4), (0,), (0,))


def test_overlap() -> None:
    one = np.array([[0, 0, 10, 10]], np.float32)
    others = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10]], np.float32)
    union, smaller = box_overlap(one, others)
    np.testing.assert_allclose(union, [[1, 1 / 3, 0]], atol=1e-6)
    np.testing.assert_allclose(smaller, [[1, 1 / 2, 0]], atol=1e-6)


def test_numba_is_not_imported() -> None:
    fuse_boxes([view([[10, 10, 50, 50]], [3], [0.9], (3,))], SIZE, 0.55)
    assert "numba" not in sys.modules
