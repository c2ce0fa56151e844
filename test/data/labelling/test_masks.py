"""Composed masks: who knows a class, what covers what, and what is left unlabelled."""

from __future__ import annotations

import numpy as np

from vit_perception.data.labelling.masks import OTHER, Vote, compose, ellipses, outside_boxes

PERSON, DOG, GRASS, WALL, CUP = range(5)
THINGS = frozenset({PERSON, DOG, CUP})
NOTHING = 255


def vote(values: list[int], *knows: int) -> Vote:
    return Vote(np.array([values], np.uint16), frozenset(knows))


def test_agreement_and_disagreement() -> None:
    stuff = vote([GRASS, PERSON, PERSON, OTHER, WALL], GRASS, WALL, PERSON)
    things = vote([OTHER, PERSON, OTHER, PERSON, PERSON], PERSON, DOG)
    found = compose([stuff, things], THINGS)
    # Only the first knows grass; both see a person; then each contradicts the other.
    np.testing.assert_array_equal(found, [[GRASS, PERSON, NOTHING, NOTHING, NOTHING]])
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, compose([things, stuff], THINGS))


def test_a_thing_covers_stuff_that_knows_no_such_thing() -> None:
    stuff = vote([GRASS, GRASS, WALL], GRASS, WALL)
    things = vote([DOG, OTHER, DOG], DOG)
    np.testing.assert_array_equal(compose([stuff, things], THINGS), [[DOG, GRASS, DOG]])


def test_two_things_or_two_kinds_of_stuff_are_a_disagreement() -> None:
    np.testing.assert_array_equal(compose([vote([DOG], DOG), vote([CUP], CUP)], THINGS), [[NOTHING]])
    np.testing.assert_array_equal(compose([vote([GRASS], GRASS), vote([WALL], WALL)], THINGS), [[NOTHING]])
    three = [vote([GRASS], GRASS), vote([DOG], DOG), vote([CUP], CUP)]
    np.testing.assert_array_equal(compose(three, THINGS), [[NOTHING]])


def test_a_rough_shape_that_is_contradicted_is_dropped() -> None:
    stuff = vote([GRASS, GRASS], GRASS, DOG)
    shapes = Vote(np.array([[DOG, CUP]], np.uint16), frozenset(), rough=True)
    np.testing.assert_array_equal(compose([stuff, shapes], THINGS), [[GRASS, CUP]])


def test_silence_contradicts_nobody() -> None:
    silent = vote([NOTHING, NOTHING], DOG, GRASS)
    np.testing.assert_array_equal(compose([silent, vote([DOG, GRASS], DOG, GRASS)], THINGS), [[DOG, GRASS]])


def test_small_ellipses_lie_over_large_ones() -> None:
    boxes = np.array([[40, 40, 60, 60], [0, 0, 100, 100]], np.float32)
    mask = ellipses(boxes, np.array([CUP, DOG]), (100, 120))
    assert (mask[50, 50], mask[50, 20], mask[2, 2], mask[50, 110]) == (CUP, DOG, NOTHING, NOTHING)
    # An ellipse covers π / 4 of its box.
    assert abs((mask == DOG).sum() + (mask == CUP).sum() - np.pi / 4 * 1e4) < 200


def test_a_thing_outside_its_boxes_is_doubted() -> None:
    mask = np.full((100, 100), GRASS, np.uint8)
    mask[20:40, 20:40] = DOG
    mask[60:80, 60:80] = DOG
    boxes = np.array([[20, 20, 40, 40], [60, 60, 80, 80]], np.float32)
    doubted = outside_boxes(mask, boxes, np.array([DOG, CUP]), frozenset({DOG, CUP}))
    assert not doubted[20:40, 20:40].any()
    assert doubted[60:80, 60:80].all()
    assert doubted.sum() == 400
    assert not outside_boxes(mask, boxes, np.array([DOG, CUP]), frozenset({CUP})).any()
