"""Dense labels follow their picture: cells computed by hand under scale, shift, mirror and mosaic."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")

from vit_perception.data.annotation import Annotation
from vit_perception.data.dense import NO_CLASS, Dense
from vit_perception.training.augment import affine_view, mosaic
from vit_perception.training.config import Augmentation
from vit_perception.training.dense_sampling import Tile, sample
from vit_perception.training.examples import Example, Known

STILL = Augmentation(stretch=0.0, mirror=0.0)
STRIDES = (8.0, 16.0)
# Over a view of 32 x 64 pixels: 4 rows of 8 cells, then 2 rows of 4.
SIZE = (32, 64)
FINE_CELLS = 32


def dense(*cells, strides=((8, 8), (16, 16)), origin=(0, 0)):
    """Cells as (level, column, row, box, class, score)."""
    levels, columns, rows, boxes, classes, scores = zip(*cells, strict=True)
    return Dense(
        knows=np.array([0, 1]),
        origin=np.array(origin, np.float32),
        strides=np.array(strides, np.float32),
        levels=np.array(levels),
        cells=np.stack([columns, rows], axis=1),
        boxes=np.array(boxes, np.float32),
        class_ids=np.array([[each, NO_CLASS] for each in classes]),
        scores=np.array([[each, 0] for each in scores], np.float32),
    )


def tile(labels, scale=(1, 1), shift=(0, 0), region=(0, 0, 64, 32)):
    return Tile(labels, np.array(scale, np.float64), np.array(shift, np.float64), region)


def sampled(*args, **kwargs):
    (found,) = sample([tile(*args, **kwargs)], SIZE, STRIDES)
    return found


ONE = dense((0, 2, 1, (10, 4, 30, 20), 1, 0.8))


def test_at_its_own_size_every_cell_finds_itself():
    found = sampled(dense((0, 2, 1, (10, 4, 30, 20), 1, 0.8), (1, 3, 1, (40, 8, 64, 32), 0, 0.05)))
    assert found.cells.tolist() == [8 + 2, FINE_CELLS + 4 + 3]
    assert found.boxes.tolist() == [[10, 4, 30, 20], [40, 8, 64, 32]]
    assert found.class_ids[:, 0].tolist() == [1, 0]
    np.testing.assert_allclose(found.scores[:, 0], [0.8, 0.05], atol=1e-6)
    assert found.boxed.tolist() == [True, False], "a box needs more than 0.1"


def test_at_twice_the_size_the_coarser_level_takes_over():
    found = sampled(ONE, scale=(2, 2), region=(0, 0, 64, 32))
    # The cell covers 16..24 x 8..16, in the view 32..48 x 16..32: column 2, row 1 of the level of 16 pixels.
    assert found.cells.tolist() == [FINE_CELLS + 4 + 2]
    assert found.boxes.tolist() == [[20, 8, 60, 32]], "clipped to the view"


def test_at_half_the_size_a_cell_takes_the_one_under_its_centre():
    grid = dense(*((1, column, 0, (0, 0, 8, 8), 1, 0.2 + column / 10) for column in range(4)))
    found = sampled(grid, scale=(0.5, 0.5))
    # Cells of 16 pixels are of 8 in the view: the fine level sees each of them.
    assert found.cells.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(found.scores[:, 0], [0.2, 0.3, 0.4, 0.5], atol=1e-6)


def test_grids_of_one_level_give_the_more_certain_cell():
    both = dense((0, 1, 1, (0, 0, 8, 8), 1, 0.3), (1, 0, 0, (0, 0, 16, 16), 0, 0.6))
    found = sampled(both, scale=(0.5, 0.5))
    # Cells of 8 and of 16 pixels are of 4 and 8: nearest to the fine level, whose cell 0 has both.
    assert found.cells.tolist() == [0]
    assert found.class_ids[0, 0] == 0


def test_shift_and_origin():
    assert sampled(ONE, shift=(16, -8)).cells.tolist() == [0 + 4]
    assert sampled(ONE, shift=(16, -8)).boxes.tolist() == [[26, 0, 46, 12]]
    moved = dense((0, 2, 1, (10, 4, 30, 20), 1, 0.8), origin=(8, 8))
    assert sampled(moved).cells.tolist() == [16 + 3]


def test_mirrored():
    found = sampled(ONE, scale=(-1, 1), shift=(64, 0))
    assert found.cells.tolist() == [8 + 5]
    assert found.boxes.tolist() == [[34, 4, 54, 20]]


def test_outside_the_region_and_outside_the_picture_nothing_is_seen():
    assert not len(sampled(ONE, region=(0, 0, 16, 32)).cells)
    assert not len(sampled(ONE, shift=(-24, 0)).cells)
    edge = dense((0, 7, 3, (0, 0, 8, 8), 1, 0.8), (0, 0, 0, (0, 0, 8, 8), 1, 0.8))
    assert sampled(edge, shift=(8, 0)).cells.tolist() == [1], "no cell comes in again from the other side"


def picture(labels, height=32, width=64):
    return Example(
        np.zeros((height, width, 3), np.uint8),
        Annotation(dense=labels),
        Known(frozenset({0, 1}), frozenset(), frozenset({0, 1}), frozenset({0, 1})),
    )


def test_a_view_of_a_picture_moves_its_dense_labels_as_its_pixels():
    example = picture(ONE)
    example.rgb[8:16, 16:24] = 255  # what the cell covers
    for seed in range(6):
        rng = np.random.default_rng(seed)
        view = affine_view(example, SIZE, rng, (0.7, 1.6), Augmentation(stretch=0.1, mirror=0.5))
        (found,) = sample(view.tiles, SIZE, (2.0,))
        # A cell's centre lies between four pixels: all are bright if it is in the square, one if it may be.
        around = view.rgb[..., 0].reshape(16, 2, 32, 2)
        inside, near = around.min(axis=(1, 3)) > 250, around.max(axis=(1, 3)) > 0
        seen = np.zeros(16 * 32, bool)
        seen[found.cells] = True
        assert inside.any()
        assert seen[inside.ravel()].all()
        assert near.ravel()[seen].all()


def test_each_tile_of_a_mosaic_moves_by_itself():
    names = [picture(dense((0, 2, 1, (16, 8, 24, 16), 1, 0.2 + place / 10))) for place in range(4)]
    for example in names:
        example.rgb[8:16, 16:24] = 255
    view = mosaic(names, SIZE, np.random.default_rng(3), STILL)
    assert len(view.tiles) == 4
    assert view.known.dense == {0, 1}
    tiles = sample(view.tiles, SIZE, (2.0,))
    corner = view.tiles[3].region[:2]
    for place, found in enumerate(tiles):
        if len(found.cells):
            np.testing.assert_allclose(found.scores[:, 0], 0.2 + place / 10, atol=1e-6)
            rows, columns = np.divmod(found.cells, 32)
            assert ((columns * 2 + 1 >= corner[0]) == place % 2).all()
            assert ((rows * 2 + 1 >= corner[1]) == place // 2).all()
            assert (view.rgb[rows * 2, columns * 2, 0] > 0).mean() > 0.6
    assert sum(bool(len(found.cells)) for found in tiles) >= 2


def test_a_picture_without_dense_labels_has_no_tiles():
    example = Example(
        np.zeros((8, 8, 3), np.uint8), Annotation(), Known(frozenset(), frozenset(), frozenset())
    )
    assert affine_view(example, SIZE, np.random.default_rng(0), (1, 1), STILL).tiles == []
