"""One picture by several teachers: thresholds, rivals, the mirrored view, and labels of people."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

if importlib.util.find_spec("ensemble_boxes") is None:
    pytest.skip("ensemble-boxes is not installed", allow_module_level=True)

from vit_perception.data.annotation import Annotation
from vit_perception.data.label_space import Label, LabelSpace
from vit_perception.data.labelling.config import LabellingConfig, Thresholds
from vit_perception.data.labelling.labeller import Labeller
from vit_perception.data.labelling.real_labels import RealLabels
from vit_perception.data.teachers import Prediction

SPACE = LabelSpace(
    (
        Label("person"),
        Label("dog", aliases=("hound",)),
        Label("cup"),
        Label("grass", thing=False),
        Label("sky", thing=False),
    )
)
PERSON, DOG, CUP, GRASS, SKY = range(5)
CONFIG = LabellingConfig(Thresholds(0.5, 0.2), ellipses=False)


@dataclass
class Fake:
    """A teacher that has its answers ready: one for the picture, one for the mirrored picture."""

    answer: Prediction
    name: str = "fake"
    box_labels: tuple[str, ...] = ("person", "hound", "cup", "yeti")
    mask_labels: tuple[str | None, ...] = ()
    gives_depth: bool = False
    mirrored: Prediction = field(default_factory=Prediction)

    def __call__(self, image: np.ndarray) -> Prediction:
        return self.mirrored if image[0, 0, 0] == 250 else self.answer


def picture() -> np.ndarray:
    """White, a little brighter on the right."""
    image = np.full((60, 100, 3), 249, np.uint8)
    image[:, 50:] = 250
    return image


def boxes(*rows: tuple[float, float, float, float, int, float]) -> Prediction:
    values = np.array(rows, np.float32).reshape(-1, 6)
    return Prediction(values[:, :4], values[:, 4].astype(np.int64), values[:, 5])


def test_between_accept_and_reject_a_box_is_ignored() -> None:
    answer = boxes(
        (0, 0, 20, 20, 0, 0.9), (30, 0, 50, 20, 1, 0.3), (60, 0, 80, 20, 1, 0.1), (0, 30, 9, 40, 3, 0.9)
    )
    found = Labeller([Fake(answer)], SPACE, CONFIG)(picture())
    np.testing.assert_allclose(found.boxes, [[0, 0, 20, 20]], atol=1e-3)
    np.testing.assert_array_equal(found.class_ids, [PERSON])
    np.testing.assert_allclose(found.scores, [0.9])
    np.testing.assert_allclose(found.ignored_boxes, [[30, 0, 50, 20]], atol=1e-3)
    np.testing.assert_array_equal(found.ignored_ids, [DOG])
    assert found.semantic is None


def test_thresholds_by_class() -> None:
    answer = boxes((0, 0, 20, 20, 0, 0.6), (30, 0, 50, 20, 1, 0.6), (60, 0, 80, 20, 2, 0.6))
    config = replace(CONFIG, by_class={"hound": Thresholds(0.7, 0.2), "cup": Thresholds(0.8, 0.7)})
    found = Labeller([Fake(answer)], SPACE, config)(picture())
    np.testing.assert_array_equal(found.class_ids, [PERSON])
    np.testing.assert_array_equal(found.ignored_ids, [DOG])


def test_of_two_classes_at_one_place_the_less_certain_is_ignored() -> None:
    answer = boxes((0, 0, 40, 40, 0, 0.9), (1, 1, 40, 40, 1, 0.8), (20, 0, 60, 40, 2, 0.7))
    found = Labeller([Fake(answer)], SPACE, CONFIG)(picture())
    np.testing.assert_array_equal(found.class_ids, [PERSON, CUP])
    np.testing.assert_array_equal(found.ignored_ids, [DOG])


def test_of_two_boxes_of_one_object_the_less_certain_is_ignored() -> None:
    answer = boxes((0, 0, 40, 40, 0, 0.9), (2, 2, 40, 22, 0, 0.8), (2, 22, 12, 40, 0, 0.7))
    found = Labeller([Fake(answer)], SPACE, CONFIG)(picture())
    # The second is half of the first, the third a tenth: somebody in front.
    np.testing.assert_allclose(found.scores, [0.9, 0.7])
    np.testing.assert_allclose(found.ignored_boxes, [[2, 2, 40, 22]], atol=1e-3)


def test_the_mirrored_view_is_turned_back_and_fused() -> None:
    teacher = Fake(boxes((10, 0, 30, 20, 0, 0.9)), mirrored=boxes((70, 0, 90, 20, 0, 0.5)))
    found = Labeller([teacher], SPACE, replace(CONFIG, mirror=True))(picture())
    np.testing.assert_allclose(found.boxes, [[10, 0, 30, 20]], atol=1e-3)
    np.testing.assert_allclose(found.scores, [0.7], atol=1e-6)


def test_masks_are_composed_filled_and_checked_against_boxes() -> None:
    stuff = np.full((60, 100), 1, np.uint8)
    stuff[:, 50:] = 2
    things = np.zeros((60, 100), np.uint8)
    things[40:, 60:80] = 1
    teachers = [
        Fake(boxes((20, 20, 40, 40, 2, 0.9)), "boxes"),
        Fake(Prediction(mask=stuff), "stuff", (), (None, "grass", "sky")),
        Fake(Prediction(mask=things), "things", (), (None, "dog")),
    ]
    labeller = Labeller(teachers, SPACE, replace(CONFIG, ellipses=True))
    found = labeller(picture()).semantic
    assert found is not None
    assert (found[5, 5], found[5, 95], found[30, 30]) == (GRASS, SKY, CUP)
    # A dog that no detector sees is doubted.
    assert found[50, 70] == 255
    assert labeller.mask_labels == {PERSON, DOG, CUP, GRASS, SKY}
    without = Labeller(teachers, SPACE, CONFIG)
    assert without.mask_labels == {DOG, GRASS, SKY}
    hollow = without(picture()).semantic
    assert hollow is not None
    assert hollow[30, 30] == GRASS


def test_labels_of_people_win() -> None:
    mask = np.full((60, 100), 1, np.uint8)
    mask[30:] = 2
    teachers = [
        Fake(boxes((0, 0, 20, 20, 0, 0.9), (30, 0, 50, 20, 1, 0.8), (60, 0, 80, 20, 1, 0.3)), "boxes"),
        Fake(Prediction(mask=mask), "stuff", (), (None, "grass", "sky")),
        Fake(Prediction(depth=np.full((60, 100), 7, np.float32)), "depth", (), (), True),
    ]
    semantic = np.full((60, 100), 255, np.uint8)
    semantic[:, :10] = SKY
    depth = np.full((60, 100), np.nan, np.float32)
    depth[0] = 3
    real = Annotation(
        boxes=np.array([[2, 2, 9, 9]], np.float32),
        class_ids=np.array([DOG]),
        semantic=semantic,
        depth=depth,
    )
    labels = RealLabels(frozenset({DOG}), frozenset({SKY}))
    labeller = Labeller(teachers, SPACE, CONFIG, labels)
    found = labeller(picture(), real)
    # Dogs are those of people, and only those; persons are new.
    np.testing.assert_allclose(found.boxes, [[2, 2, 9, 9], [0, 0, 20, 20]], atol=1e-3)
    np.testing.assert_array_equal(found.class_ids, [DOG, PERSON])
    np.testing.assert_allclose(found.scores, [1, 0.9])
    assert not len(found.ignored_boxes)
    assert found.semantic is not None
    assert (found.semantic[5, 5], found.semantic[5, 50], found.semantic[50, 50]) == (SKY, GRASS, 255)
    assert found.depth is not None
    assert (found.depth[0, 0], found.depth[1, 0]) == (3, 7)
    assert labeller.box_labels == {PERSON, DOG, CUP}
    assert labeller.mask_labels == {GRASS, SKY}


def test_what_the_space_lacks_is_reported_and_a_teacher_of_nothing_refused() -> None:
    assert Labeller([Fake(Prediction())], SPACE, CONFIG).unused == {"fake": ["yeti"]}
    with pytest.raises(ValueError, match="fake has no label of the label space: yeti"):
        Labeller([Fake(Prediction(), box_labels=("yeti",))], SPACE, CONFIG)
    with pytest.raises(ValueError, match="two teachers have one name"):
        Labeller([Fake(Prediction()), Fake(Prediction())], SPACE, CONFIG)
    with pytest.raises(ValueError, match="weights name other"):
        Labeller([Fake(Prediction())], SPACE, replace(CONFIG, weights={"other": 1.0}))
    with pytest.raises(ValueError, match="did you mean"):
        Labeller([Fake(Prediction())], SPACE, replace(CONFIG, by_class={"doge": Thresholds()}))
