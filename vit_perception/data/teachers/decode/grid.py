"""What detectors on grids share: the cells of a grid, dense labels, and non-maximum suppression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vit_perception.data.dense import Dense, dense_of_grids
from vit_perception.data.teachers import Prediction
from vit_perception.data.teachers.contract import Contract
from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.suppression import suppress

# A box below it is of no use to a fusion, whose time grows with their number.
LEAST_SCORE = 0.05
NMS_IOU = 0.6
MAX_BOXES = 100
# Only the best go into the suppression, whose time grows with the square of their number.
_MAX_CANDIDATES = 1000


def cells(size: tuple[int, int], strides: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """The cells of all grids over an input, in raster order.

    Args:
        size: height and width of the input in pixels.
        strides: pixels from cell to cell, of each grid.

    Returns:
        (A, 2) float32 column and row of each cell, and (A,) float32 its stride.
    """
    grids, steps = [], []
    for stride in strides:
        rows, columns = (-(-side // stride) for side in size)
        row, column = np.mgrid[:rows, :columns].reshape(2, -1)
        grids.append(np.stack([column, row], axis=1))
        steps.append(np.full(rows * columns, stride))
    return np.concatenate(grids).astype(np.float32), np.concatenate(steps).astype(np.float32)


def decode_cells(boxes: np.ndarray, scores: np.ndarray, contract: Contract, geometry: Geometry) -> Prediction:
    """What all cells see, kept sparsely, and the boxes that are left after non-maximum suppression.

    Args:
        boxes: (A, 4) `x_min, y_min, x_max, y_max` in input pixels, in the order of `cells`.
        scores: (A, C) in 0..1.
        contract: has the strides.
        geometry: where the picture lies in the input, from its top left corner on.
    """
    return replace(best_boxes(boxes, scores, geometry), dense=_dense(boxes, scores, contract, geometry))


def _dense(boxes: np.ndarray, scores: np.ndarray, contract: Contract, geometry: Geometry) -> Dense:
    strides = np.array(contract.output.strides, np.float32)
    cell, stride = cells(contract.input.size, contract.output.strides)
    scale = np.array(geometry.scale[::-1], np.float32)
    levels = (stride[:, None] == strides).argmax(axis=1)
    return dense_of_grids(
        geometry.boxes_to_source(boxes), scores, cell, levels, strides[:, None] / scale, geometry.source
    )


def best_boxes(boxes: np.ndarray, scores: np.ndarray, geometry: Geometry) -> Prediction:
    """The boxes that are left after non-maximum suppression by class.

    Args:
        boxes: (A, 4) `x_min, y_min, x_max, y_max` in input pixels.
        scores: (A, C) in 0..1.
        geometry: where the picture lies in the input.
    """
    rows, class_ids = np.nonzero((scores >= LEAST_SCORE) & np.isfinite(boxes).all(axis=1, keepdims=True))
    values = scores[rows, class_ids].astype(np.float32)
    order = np.argsort(-values, kind="stable")[:_MAX_CANDIDATES]
    rows, class_ids, values = rows[order], class_ids[order], values[order]
    chosen = boxes[rows]
    kept = suppress(chosen, class_ids, values, NMS_IOU)[:MAX_BOXES]
    return Prediction(geometry.boxes_to_source(chosen[kept]), class_ids[kept].astype(np.int64), values[kept])
