"""A detector that sees parts of a picture finds smaller things, where they are, and each once."""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.data.dense import Dense, dense_of_grids
from vit_perception.data.labelling.tiles import predict_tiled
from vit_perception.data.teachers import Prediction

INPUT, STRIDE = 64, 8
# In pixels of the input: what is smaller is not found.
LEAST = 6


class Blobs:
    """Finds white rectangles in a picture stretched to 64 x 64, on one grid, the larger the more certain."""

    name, box_labels, mask_labels, gives_depth, gives_dense = "blobs", ("blob",), (), False, True

    def __call__(self, image: np.ndarray) -> Prediction:
        height, width = image.shape[:2]
        seen = cv2.resize(image[..., 0], (INPUT, INPUT), interpolation=cv2.INTER_AREA)
        _, _, stats, _ = cv2.connectedComponentsWithStats((seen > 127).astype(np.uint8))
        found = [row[:4] for row in stats[1:] if min(row[2:4]) >= LEAST]
        boxes = np.array([[x, y, x + w, y + h] for x, y, w, h in found], np.float32).reshape(-1, 4)
        scores = np.array([min(1.0, w * h / 400) for _, _, w, h in found], np.float32)
        scale = np.array([width, height], np.float32) / INPUT
        boxes *= np.tile(scale, 2)
        return Prediction(
            boxes, np.zeros(len(boxes), np.int64), scores, dense=self._dense(boxes, scores, scale, image)
        )

    @staticmethod
    def _dense(boxes: np.ndarray, scores: np.ndarray, scale: np.ndarray, image: np.ndarray) -> Dense:
        strides = STRIDE * scale[None]
        cells = np.floor((boxes[:, :2] + boxes[:, 2:]) / 2 / strides)
        levels = np.zeros(len(boxes), np.int64)
        return dense_of_grids(boxes, scores[:, None], cells, levels, strides, image.shape[:2])


def picture(*boxes: tuple[int, int, int, int], size: tuple[int, int] = (240, 320)) -> np.ndarray:
    image: np.ndarray = np.zeros((*size, 3), np.uint8)
    for x0, y0, x1, y1 in boxes:
        image[y0:y1, x0:x1] = 255
    return image


def boxes_of(found: Prediction) -> list[list[int]]:
    return sorted(np.rint(found.boxes).astype(int).tolist())


SMALL, LARGE = (40, 16, 64, 36), (160, 60, 300, 200)


def test_what_is_too_small_for_the_whole_is_found_in_a_part() -> None:
    image = picture(SMALL, LARGE)
    assert len(Blobs()(image).boxes) == 1
    found = predict_tiled(Blobs(), image)
    np.testing.assert_allclose(found.boxes, [LARGE, SMALL], atol=3)
    assert found.class_ids.tolist() == [0, 0]


def test_a_thing_that_several_parts_show_is_one() -> None:
    middle = (140, 100, 176, 136)  # in the middle one whole, and in all others cut
    assert len(predict_tiled(Blobs(), picture(middle)).boxes) == 1


def test_the_part_of_a_large_thing_is_none() -> None:
    wide = (4, 100, 316, 140)
    np.testing.assert_allclose(predict_tiled(Blobs(), picture(wide)).boxes, [wide], atol=5)


def test_odd_sizes_are_covered_to_the_edge() -> None:
    corner = (303, 222, 321, 239)
    found = predict_tiled(Blobs(), picture(corner, size=(239, 321)))
    np.testing.assert_allclose(found.boxes, [corner], atol=3)


def test_dense_labels_of_parts_are_finer_grids() -> None:
    image = picture(SMALL, LARGE)
    dense = predict_tiled(Blobs(), image).dense
    assert dense is not None
    np.testing.assert_allclose(dense.strides, [[40, 30], [20, 15]])
    assert dense.levels.tolist() == [0, 1]
    assert dense.cells.tolist() == [
        [5, 4],
        [2, 1],
    ]  # the middle of each, 230, 130 and 52, 26, over its stride
    np.testing.assert_allclose(dense.boxes, [LARGE, SMALL], atol=3)


def test_nothing_is_found_in_nothing() -> None:
    found = predict_tiled(Blobs(), picture())
    assert found.boxes.shape == (0, 4)
    assert found.dense is not None
    assert len(found.dense.levels) == 0
