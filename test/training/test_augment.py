"""Picture, mask and boxes stay together, whatever is done to them."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")

from training.small_dataset import BALL, EVERYTHING, SmallDataset
from training.small_dataset import known as known_of
from vit_perception.data.annotation import Annotation
from vit_perception.runtime.results import UNLABELLED
from vit_perception.training.augment import (
    Cutout,
    View,
    affine_view,
    clip_boxes,
    cutouts,
    mosaic,
    paste,
)
from vit_perception.training.config import Augmentation
from vit_perception.training.examples import Example, read_example

STRENGTH = Augmentation()
KNOWN = known_of({2, 3}, set(range(12)))


def example(box=(10, 20, 40, 50), known=KNOWN):
    """A black picture with one white box, which is class 2 in the mask."""
    rgb = np.zeros((60, 80, 3), np.uint8)
    semantic = np.full((60, 80), 6, np.uint8)
    x0, y0, x1, y1 = box
    rgb[y0:y1, x0:x1], semantic[y0:y1, x0:x1] = 255, 2
    annotation = Annotation(
        np.array([box], np.float32),
        np.array([2]),
        semantic=semantic,
        ignored_boxes=np.array([[0, 0, 8, 8]], np.float32),
        ignored_ids=np.array([3]),
    )
    return Example(rgb, annotation, known)


@pytest.mark.parametrize("seed", range(20))
def test_picture_mask_and_boxes_move_together(seed):
    view = affine_view(example(), (96, 112), np.random.default_rng(seed), (0.8, 1.5), STRENGTH)
    assert view.rgb.shape == (96, 112, 3)
    ys, xs = np.nonzero(view.semantic == 2)
    if not len(view.boxes):
        assert len(xs) < 0.5 * 30 * 30 * 3, "a box is only dropped when most of it is out of view"
        assert 2 in view.ignored_ids or not len(xs), "what is left of it is neither object nor background"
        return
    np.testing.assert_allclose(view.boxes[0], [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], atol=1.0)
    assert (view.rgb[view.semantic == 2] > 127).mean() > 0.9
    x0, y0, x1, y1 = view.content
    outside = np.ones((96, 112), bool)
    outside[max(y0 - 1, 0) : y1 + 1, max(x0 - 1, 0) : x1 + 1] = False
    assert (view.semantic[outside] == UNLABELLED).all()


def test_without_a_mask_all_pixels_are_unlabelled():
    bare = Example(np.zeros((60, 80, 3), np.uint8), Annotation(), KNOWN)
    view = affine_view(bare, (96, 112), np.random.default_rng(0), (0.8, 1.5), STRENGTH)
    assert (view.semantic == UNLABELLED).all()
    assert len(view.boxes) == len(view.ignored_boxes) == 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("side", [2, 3])
def test_mosaic_is_full_and_its_boxes_lie_on_its_objects(seed, side):
    view = mosaic([example()] * side**2, (192, 224), np.random.default_rng(seed), STRENGTH)
    assert (view.semantic != UNLABELLED).mean() > 0.6
    for box in view.boxes:
        x0, y0, x1, y1 = np.rint(box).astype(int)
        assert (view.semantic[y0:y1, x0:x1] == 2).mean() > 0.85
    assert len(view.boxes) == len(view.class_ids) == len(view.scores)
    assert len(view.ignored_boxes) == len(view.ignored_ids)


def test_a_mosaic_knows_what_all_its_pictures_know():
    other = known_of({2}, {6})
    view = mosaic([example()] * 3 + [example(known=other)], (96, 112), np.random.default_rng(0), STRENGTH)
    assert view.known == other


def bare_view(known):
    return View(
        np.zeros((64, 64, 3), np.uint8),
        np.zeros((64, 64), np.uint8),
        np.array([[x, y, x + 4, y + 4] for x in range(0, 64, 4) for y in range(0, 64, 4)], np.float32),
        np.zeros(256, np.int64),
        np.ones(256, np.float32),
        np.zeros((0, 4), np.float32),
        np.zeros(0, np.int64),
        known,
        (0, 0, 64, 64),
    )


CUTOUT = Cutout(np.full((30, 30, 3), 200, np.uint8), np.ones((30, 30), bool), 3, 0.7)


def test_pasted_object_hides_what_it_covers():
    view = bare_view(KNOWN)
    paste(view, [CUTOUT], np.random.default_rng(0))
    assert view.class_ids[-1] == 3
    assert view.scores[-1] == pytest.approx(0.7)
    x0, y0, x1, y1 = view.boxes[-1].astype(int)
    assert (view.semantic[y0:y1, x0:x1] == 3).mean() > 0.95
    for box in view.boxes[:-1].astype(int):
        assert (view.semantic[box[1] : box[3], box[0] : box[2]] == 3).mean() <= 0.6
    assert len(view.boxes) == len(view.scores) < 257


def test_a_pasted_object_of_a_class_that_masks_do_not_know_is_unlabelled():
    view = bare_view(known_of({3}, {0}))
    paste(view, [CUTOUT], np.random.default_rng(0))
    assert set(np.unique(view.semantic)) == {0, UNLABELLED}


def test_objects_are_cut_out_by_their_own_masks():
    dataset = SmallDataset()
    found = [(cut, read_example(dataset, i)) for i in range(12) for cut in cutouts(read_example(dataset, i))]
    assert len(found) >= 12
    for cut, _ in found:
        if cut.class_id == BALL:
            assert 0.5 < cut.mask.mean() < 0.9, "a disc in its square"
        assert not (cut.class_id != BALL and cut.mask.mean() < 1)
    assert cutouts(read_example(SmallDataset(without=("instances",)), 0)) == []


def test_a_mask_of_another_size_is_one_clear_sentence():
    class Wrong(SmallDataset):
        def picture(self, index):
            return super().picture(index)[:50]

    with pytest.raises(ValueError, match="picture000 has 50x80 pixels, but its mask 60x80"):
        read_example(Wrong(known=EVERYTHING), 0)


def test_boxes_are_clipped_and_slivers_dropped():
    boxes = np.array([[-10, -10, 20, 20], [90, 90, 130, 130], [50, 50, 52, 80]], np.float32)
    clipped, keep = clip_boxes(boxes, (0, 0, 100, 100), visible=0.3)
    assert clipped[0].tolist() == [0, 0, 20, 20]
    assert keep.tolist() == [True, False, False]
