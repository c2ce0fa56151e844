import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: make test installs it")

from vit_perception.data.classes import ACTIONS, GROUND, LABELS
from vit_perception.runtime.results import UNLABELLED
from vit_perception.training.augment import View
from vit_perception.training.targets import IGNORE, classes_present, collate, way_ahead

WALL = LABELS.index("structure")


def scene(left, middle, right):
    """A mask whose lower part is ground where the word is `free`, else wall."""
    mask = np.full((50, 60), WALL, np.uint8)
    for index, word in enumerate((left, middle, right)):
        mask[30:, index * 20 : (index + 1) * 20] = GROUND if word == "free" else WALL
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
    assert way_ahead(scene(*thirds)) == (ACTIONS.index(action), blocked)


def test_way_ahead_is_unknown_without_labels():
    assert way_ahead(np.full((50, 60), UNLABELLED, np.uint8)) is None


def view(semantic, labelled=True, class_ids=()):
    boxes = np.array([[4, 4, 20, 20]] * len(class_ids), np.float32).reshape(-1, 4)
    height, width = semantic.shape
    rgb = np.full((height, width, 3), 255, np.uint8)
    return View(rgb, semantic, boxes, np.array(class_ids, np.int64), labelled, (0, 0, width, height))


def test_what_an_unlabelled_picture_leaves_unknown():
    present = classes_present(view(np.full((56, 56), UNLABELLED, np.uint8), labelled=False, class_ids=[2]))
    assert present[2] == 1
    assert present[0] == 0, "all persons have boxes, so none is there"
    assert np.isnan(present[GROUND])


def test_collate_shapes_and_values():
    views = [
        view(np.full((56, 56), GROUND, np.uint8), class_ids=[3]),
        view(np.full((56, 56), UNLABELLED, np.uint8)),
    ]
    batch = collate(views, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), stride=3.5)
    assert batch.image.shape == (2, 3, 56, 56)
    assert batch.image.max() == pytest.approx(2.0)
    assert batch.semantic.shape == (2, 16, 16)
    assert (batch.semantic[0] == GROUND).all()
    assert [len(b) for b in batch.boxes] == [1, 0]
    assert batch.action.tolist() == [ACTIONS.index("forward"), IGNORE]
    assert batch.blocked[0] == 0
    assert batch.blocked[1].isnan()
