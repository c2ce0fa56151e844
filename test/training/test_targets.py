"""What a batch says of its pictures, and what it leaves unknown."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")

from training.small_dataset import BALL, BOX, EVERYTHING, FLOOR, SPACE, WALL
from training.small_dataset import known as known_of
from vit_perception.runtime.results import UNLABELLED
from vit_perception.training.augment import View
from vit_perception.training.examples import Known
from vit_perception.training.targets import ACTIONS, IGNORE, Collate, classes_present, way_ahead

NOTHING = known_of(set(), set())
COLLATE = Collate(SPACE, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), 3.5, (7.0, 14.0, 28.0))
NONE = np.zeros(0, np.int64)


def scene(left, middle, right):
    """A mask whose lower part is floor where the word is `free`, else wall."""
    mask = np.full((50, 60), WALL, np.uint8)
    for index, word in enumerate((left, middle, right)):
        mask[30:, index * 20 : (index + 1) * 20] = FLOOR if word == "free" else WALL
    return mask


@pytest.mark.parametrize(
    ("thirds", "action", "blocked"),
    [
        (("free", "free", "free"), "forward", False),
        (("wall", "free", "wall"), "forward", False),
        (("free", "wall", "wall"), "turn_left", True),
        (("wall", "wall", "free"), "turn_right", True),
        (("wall", "wall", "wall"), "stop", True),
    ],
)
def test_way_ahead(thirds, action, blocked):
    assert way_ahead(scene(*thirds), {FLOOR}) == (ACTIONS.index(action), blocked)


def test_way_ahead_is_unknown_without_labels_or_without_anything_drivable():
    assert way_ahead(np.full((50, 60), UNLABELLED, np.uint8), {FLOOR}) is None
    assert way_ahead(scene("free", "free", "free"), set()) is None


def view(semantic, known=EVERYTHING, class_ids=(), ignored_ids=()):
    height, width = semantic.shape
    count, ignored = len(class_ids), len(ignored_ids)
    return View(
        rgb=np.full((height, width, 3), 255, np.uint8),
        semantic=semantic,
        boxes=np.array([[4, 4, 20, 20]] * count, np.float32).reshape(-1, 4),
        class_ids=np.array(class_ids, np.int64),
        scores=np.ones(count, np.float32),
        ignored_boxes=np.array([[30, 30, 50, 50]] * ignored, np.float32).reshape(-1, 4),
        ignored_ids=np.array(ignored_ids, np.int64),
        known=known,
        content=(0, 0, width, height),
    )


EMPTY = np.full((56, 56), UNLABELLED, np.uint8)
ALL_FLOOR = np.full((56, 56), FLOOR, np.uint8)


def test_which_classes_are_known_to_be_present_or_absent():
    boxes_alone = known_of({BOX, BALL}, set())
    present = classes_present(EMPTY, np.array([BOX]), NONE, boxes_alone, 4)
    np.testing.assert_array_equal(present, [1, 0, np.nan, np.nan])
    with_mask = classes_present(ALL_FLOOR, NONE, NONE, EVERYTHING, 4)
    np.testing.assert_array_equal(with_mask, [0, 0, 1, 0])
    floor_alone = classes_present(ALL_FLOOR, NONE, NONE, known_of(set(), {FLOOR}), 4)
    np.testing.assert_array_equal(floor_alone, [np.nan, np.nan, 1, np.nan])


def test_a_class_that_is_part_stuff_is_not_absent_for_want_of_a_box():
    boxes_alone = Known(frozenset({BOX, BALL}), frozenset(), frozenset({BALL}))
    present = classes_present(EMPTY, NONE, NONE, boxes_alone, 4)
    np.testing.assert_array_equal(present, [np.nan, 0, np.nan, np.nan])


def test_an_ignored_box_makes_its_class_unknown():
    one = classes_present(ALL_FLOOR, NONE, np.array([BALL]), EVERYTHING, 4)
    np.testing.assert_array_equal(one, [0, np.nan, 1, 0])
    any_class = classes_present(ALL_FLOOR, NONE, np.array([-1]), EVERYTHING, 4)
    np.testing.assert_array_equal(any_class, [np.nan, np.nan, 1, np.nan])


def test_a_mask_that_is_mostly_unlabelled_tells_of_no_absence():
    mostly = EMPTY.copy()
    mostly[:20] = FLOOR
    masks_alone = known_of(set(), set(range(4)))
    present = classes_present(mostly, NONE, NONE, masks_alone, 4)
    np.testing.assert_array_equal(present, [np.nan, np.nan, 1, np.nan])


def test_collate_shapes_and_values():
    batch = COLLATE([view(ALL_FLOOR, class_ids=[BALL], ignored_ids=[-1, BOX, WALL]), view(EMPTY, NOTHING)])
    assert batch.image.shape == (2, 3, 56, 56)
    assert batch.image.max() == pytest.approx(2.0)
    assert batch.semantic.shape == (2, 16, 16)
    assert (batch.semantic[0] == FLOOR).all()
    assert [len(b) for b in batch.boxes] == [1, 0]
    assert next(iter(batch.columns)).tolist() == [1]
    assert next(iter(batch.ignored_columns)).tolist() == [-1, 0], "a wall is no thing, so it is in no box"
    assert batch.known_boxes.tolist() == [[True, True], [False, False]]
    assert batch.known_masks.tolist() == [[True] * 4, [False] * 4]
    assert batch.action.tolist() == [ACTIONS.index("forward"), IGNORE]
    assert batch.blocked[0] == 0
    assert batch.blocked[1].isnan()


def test_navigation_is_unknown_where_the_masks_do_not_know_what_is_drivable():
    batch = COLLATE([view(np.full((56, 56), WALL, np.uint8), known_of(set(), {WALL}))])
    assert batch.action.tolist() == [IGNORE]


def test_a_box_of_stuff_trains_presence_alone():
    batch = COLLATE([view(EMPTY, NOTHING, class_ids=[WALL])])
    assert batch.boxes.counts == (0,)
    assert batch.present[0, WALL] == 1
