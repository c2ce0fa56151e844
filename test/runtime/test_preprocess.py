"""Frames of every shape into the network's input, and the way back to source pixels."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from vit_perception.cards.card import load_card
from vit_perception.runtime.preprocess import check_image, fit, normalised, preprocess

CARD = load_card(Path(__file__).parents[1] / "fixtures" / "tiny")
# Unlike the tiny model's, large enough to tell a pixel from rounding.
LARGE = dataclasses.replace(CARD, input_sizes=((336, 448), (448, 336)))
SIZES = [
    (480, 640),
    (640, 480),
    (481, 639),
    (336, 448),
    (1, 1),
    (2, 3),
    (2160, 3840),
    (3840, 2160),
    (1, 4000),
    (4000, 1),
    (97, 1013),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("card", [CARD, LARGE], ids=["small", "large"])
def test_frame_fills_the_input_with_its_aspect_kept(size, card):
    geometry = fit(size, card.input_sizes)
    assert geometry.source == size
    assert geometry.input in card.input_sizes
    assert all(1 <= content <= limit for content, limit in zip(geometry.content, geometry.input, strict=True))
    assert any(content == limit for content, limit in zip(geometry.content, geometry.input, strict=True))
    exact = min(geometry.input[0] / size[0], geometry.input[1] / size[1])
    for side, content in zip(size, geometry.content, strict=True):
        assert abs(side * exact - content) <= 0.5 or content == 1


def test_the_input_in_which_a_frame_appears_largest_is_taken():
    assert fit((480, 640), LARGE.input_sizes).input == (336, 448)
    assert fit((640, 480), LARGE.input_sizes).input == (448, 336)
    assert fit((500, 500), ((448, 448), (448, 896))).input == (448, 448)


@pytest.mark.parametrize("size", SIZES)
def test_boxes_come_back_to_where_they_were(size):
    geometry = fit(size, LARGE.input_sizes)
    height, width = size
    boxes = np.array([[0, 0, width, height], [0.25 * width, 0.5 * height, 0.75 * width, height]], np.float32)
    scale_y, scale_x = geometry.scale
    there = boxes * np.array([scale_x, scale_y, scale_x, scale_y], np.float32)
    np.testing.assert_allclose(geometry.boxes_to_source(there), boxes, rtol=1e-5, atol=1e-3)


def test_boxes_are_clipped_to_the_frame():
    geometry = fit((480, 640), LARGE.input_sizes)
    back = geometry.boxes_to_source(np.array([[-50, -50, 5000, 5000]], np.float32))
    np.testing.assert_array_equal(back, [[0, 0, 640, 480]])
    assert back.dtype == np.float32
    assert geometry.boxes_to_source(np.zeros((0, 4), np.float32)).shape == (0, 4)


@pytest.mark.parametrize("size", [(480, 640), (641, 479), (2160, 3840), (97, 1013)])
def test_an_object_in_the_input_lies_where_its_box_says(size):
    height, width = size
    top, bottom, left, right = height // 3, height // 2, width // 4, width // 2
    image = np.zeros((height, width, 3), np.uint8)
    image[top:bottom, left:right] = 255
    batch, geometry = preprocess(image, LARGE)
    content = batch[0, : geometry.content[0], : geometry.content[1], 0]
    rows, columns = np.nonzero(content > 0.5 * content.max())
    box = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
    pixel = max(1 / scale for scale in geometry.scale)
    np.testing.assert_allclose(
        geometry.boxes_to_source(box)[0], [left, top, right, bottom], atol=max(1.0, pixel)
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("grid", [(24, 32), (84, 112), (5, 7)])
def test_a_map_over_the_input_lands_in_place(size, grid):
    geometry = fit(size, ((336, 448),))
    cell_y, cell_x = 336 / grid[0], 448 / grid[1]
    # Each cell holds its centre's coordinates in the input, which is what interpolation must give back.
    y, x = np.mgrid[0 : grid[0], 0 : grid[1]].astype(np.float32)
    rows = geometry.map_to_source((y + 0.5) * cell_y)
    columns = geometry.map_to_source((x + 0.5) * cell_x)
    assert rows.shape == columns.shape == size
    scale_y, scale_x = geometry.scale
    expected_rows = (np.arange(size[0]) + 0.5) * scale_y
    expected_columns = (np.arange(size[1]) + 0.5) * scale_x
    # Outside the centres of the first and last cells there is nothing to interpolate with.
    seen_rows, seen_columns = geometry.cells(grid)
    expected_rows = expected_rows.clip(0.5 * cell_y, (seen_rows - 0.5) * cell_y)
    expected_columns = expected_columns.clip(0.5 * cell_x, (seen_columns - 0.5) * cell_x)
    np.testing.assert_allclose(rows[:, 0], expected_rows, atol=max(1.0, scale_y))
    np.testing.assert_allclose(columns[0], expected_columns, atol=max(1.0, scale_x))


@pytest.mark.parametrize("size", SIZES)
def test_windows_of_a_map_land_where_the_whole_map_has_them(size):
    geometry, grid = fit(size, ((336, 448),)), (24, 32)
    rows, columns = geometry.cells(grid)
    ramp = np.mgrid[0:24, 0:32].sum(axis=0).astype(np.float32)
    whole = geometry.map_to_source(ramp)
    for top, left in [(0, 0), (rows // 2, columns // 2), (max(rows - 3, 0), max(columns - 4, 0))]:
        part = np.s_[top : min(top + 3, rows)], np.s_[left : min(left + 4, columns)]
        values, place = geometry.window_to_source(ramp[part], ramp.shape, part)
        assert values.shape == whole[place].shape
        assert values.size > 0
        # Half a cell at its edges has nothing to interpolate with. A pixel is off by half of one at most.
        y, x = (int(14 / 2 / scale) + 2 for scale in geometry.scale)
        inner = np.s_[y : values.shape[0] - y, x : values.shape[1] - x]
        np.testing.assert_allclose(values[inner], whole[place][inner], atol=0.55 * sum(geometry.scale) / 14)


def test_padding_has_no_part_in_a_map():
    geometry = fit((100, 448), ((336, 448),))
    values = np.full((24, 32), 9.0, np.float32)
    values[: geometry.cells((24, 32))[0]] = 1.0
    np.testing.assert_array_equal(geometry.map_to_source(values), np.ones((100, 448)))


def test_padding_is_the_mean_colour_and_channels_are_red_first():
    image = np.empty((50, 200, 3), np.uint8)
    image[:] = (10, 120, 250)
    batch, geometry = preprocess(image, CARD, order="rgb")
    assert batch.shape == (1, 84, 112, 3)
    assert batch.dtype == np.uint8
    assert batch.flags.c_contiguous
    height, width = geometry.content
    assert (batch[0, :height, :width] == (10, 120, 250)).all()
    assert (batch[0, height:] == (124, 116, 104)).all()
    np.testing.assert_array_equal(preprocess(image[..., ::-1], CARD, order="bgr")[0], batch)


def test_normalised_as_the_network_was_trained():
    image = np.empty((1, 2, 4, 3), np.uint8)
    image[:] = (10, 120, 250)
    batch = normalised(image, CARD)
    assert batch.shape == (1, 3, 2, 4)
    assert batch.dtype == np.float32
    for channel, value in enumerate((10, 120, 250)):
        expected = (value / 255 - CARD.mean[channel]) / CARD.std[channel]
        np.testing.assert_allclose(batch[0, channel], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("scale", "size"), [(1.0, (84, 112)), (2.0, (168, 224)), (0.6, (56, 70)), (0.1, (14, 14))]
)
def test_the_input_is_scaled_in_whole_patches(scale, size):
    batch, geometry = preprocess(np.zeros((60, 80, 3), np.uint8), CARD, scale=scale)
    assert geometry.input == size == batch.shape[1:3]


def test_shrinking_leaves_no_pixel_out():
    """A lone bright line shows at every scale, as bright as its share of the pixels it falls in."""
    for row in range(200, 240):
        image = np.zeros((480, 640, 3), np.uint8)
        image[row] = 255
        batch, geometry = preprocess(image, CARD)
        light = batch[0, : geometry.content[0], 0, 0].astype(float).sum()
        assert 0.4 < light / (255 * geometry.scale[0]) < 1.6


def test_smaller_maps_cover_the_same_frame():
    geometry = fit((480, 640), LARGE.input_sizes)
    small = geometry.of_maps(0.25)
    assert small.source == (120, 160)
    ramp = np.tile(np.arange(32, dtype=np.float32), (24, 1))
    whole, quarter = geometry.map_to_source(ramp), small.map_to_source(ramp)
    np.testing.assert_allclose(quarter, whole[2::4, 2::4], atol=0.1)


def test_views_and_frozen_frames_are_taken_and_left_alone():
    whole = np.random.default_rng(0).integers(0, 256, (120, 200, 3), np.uint8)
    view = whole[10:100:2, ::-1]
    expected = preprocess(view.copy(), CARD)[0]
    whole.flags.writeable = False
    before = whole.copy()
    np.testing.assert_array_equal(preprocess(view, CARD)[0], expected)
    np.testing.assert_array_equal(whole, before)


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (None, "None"),
        ([[1, 2, 3]], "list"),
        (np.zeros((4, 4), np.uint8), r"\(4, 4\)"),
        (np.zeros((4, 4, 1), np.uint8), r"\(4, 4, 1\)"),
        (np.zeros((4, 4, 4), np.uint8), r"\(4, 4, 4\)"),
        (np.zeros((1, 4, 4, 3), np.uint8), r"\(1, 4, 4, 3\)"),
        (np.zeros((0, 4, 3), np.uint8), "holds no pixel"),
        (np.zeros((4, 0, 3), np.uint8), "holds no pixel"),
        (np.zeros((4, 4, 3), np.uint16), "uint16"),
        (np.full((4, 4, 3), np.nan, np.float32), "float32"),
    ],
)
def test_what_is_no_frame_is_refused_by_name(image, says):
    with pytest.raises(ValueError, match=says):
        check_image(image)
    with pytest.raises(ValueError, match=says):
        preprocess(image, CARD)


def test_unknown_channel_order():
    with pytest.raises(ValueError, match="'gbr': choose from bgr, rgb"):
        preprocess(np.zeros((4, 4, 3), np.uint8), CARD, order="gbr")
