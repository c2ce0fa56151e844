import numpy as np
import pytest

from vit_perception.data.coco import Cutout, Photograph
from vit_perception.runtime.results import UNLABELLED
from vit_perception.training.augment import View, affine_view, clip_boxes, jitter_colour, mosaic, paste


def photograph(box=(10, 20, 40, 50)):
    """A black picture with one white box, which is class 2 in the mask."""
    rgb = np.zeros((60, 80, 3), np.uint8)
    semantic = np.full((60, 80), 6, np.uint8)
    x0, y0, x1, y1 = box
    rgb[y0:y1, x0:x1], semantic[y0:y1, x0:x1] = 255, 2
    return Photograph("p", rgb, semantic, np.array([box], np.float32), np.array([2]), True, ())


@pytest.mark.parametrize("seed", range(20))
def test_picture_mask_and_boxes_move_together(seed):
    view = affine_view(photograph(), (96, 112), np.random.default_rng(seed), (0.8, 1.5))
    assert view.rgb.shape == (96, 112, 3)
    ys, xs = np.nonzero(view.semantic == 2)
    if not len(view.boxes):
        assert len(xs) < 0.5 * 30 * 30 * 3, "a box is only dropped when most of it is out of view"
        return
    np.testing.assert_allclose(view.boxes[0], [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], atol=1.0)
    assert (view.rgb[view.semantic == 2] > 127).mean() > 0.9
    x0, y0, x1, y1 = view.content
    outside = np.ones((96, 112), bool)
    outside[max(y0 - 1, 0) : y1 + 1, max(x0 - 1, 0) : x1 + 1] = False
    assert (view.semantic[outside] == UNLABELLED).all()


@pytest.mark.parametrize("seed", range(5))
def test_mosaic_is_full_and_its_boxes_lie_on_its_objects(seed):
    view = mosaic([photograph()] * 4, (96, 112), np.random.default_rng(seed))
    for box in view.boxes:
        x0, y0, x1, y1 = np.rint(box).astype(int)
        assert (view.semantic[y0:y1, x0:x1] == 2).mean() > 0.85
    assert len(view.boxes) == len(view.class_ids)


def test_pasted_object_hides_what_it_covers():
    rng = np.random.default_rng(0)
    cutout = Cutout(np.full((30, 30, 3), 200, np.uint8), np.ones((30, 30), bool), 3)
    view = View(
        np.zeros((64, 64, 3), np.uint8),
        np.zeros((64, 64), np.uint8),
        np.array([[x, y, x + 4, y + 4] for x in range(0, 64, 4) for y in range(0, 64, 4)], np.float32),
        np.zeros(256, np.int64),
        True,
        (0, 0, 64, 64),
    )
    paste(view, [cutout], rng)
    assert view.class_ids[-1] == 3
    x0, y0, x1, y1 = view.boxes[-1].astype(int)
    assert (view.semantic[y0:y1, x0:x1] == 3).mean() > 0.95
    for box in view.boxes[:-1].astype(int):
        assert (view.semantic[box[1] : box[3], box[0] : box[2]] == 3).mean() <= 0.6
    assert len(view.boxes) < 257


def test_boxes_are_clipped_and_slivers_dropped():
    boxes = np.array([[-10, -10, 20, 20], [90, 90, 130, 130], [50, 50, 52, 80]], np.float32)
    clipped, keep = clip_boxes(boxes, (0, 0, 100, 100), visible=0.3)
    assert clipped[0].tolist() == [0, 0, 20, 20]
    assert keep.tolist() == [True, False, False]


def test_colour_jitter_changes_values_not_shape():
    rgb = np.full((8, 8, 3), 100, np.uint8)
    out = [jitter_colour(rgb, np.random.default_rng(seed)) for seed in range(10)]
    assert all(o.shape == rgb.shape and o.dtype == np.uint8 for o in out)
    assert len({o.tobytes() for o in out}) == 10
