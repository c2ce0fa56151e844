"""YOLOX (Ge et al. 2021): a box, an objectness and class scores for each cell of each grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vit_perception.data.teachers import Prediction
from vit_perception.data.teachers.contract import Contract
from vit_perception.data.teachers.decode.grid import cells, decode_cells
from vit_perception.runtime.preprocess import Geometry


def decode_yolox(outputs: Sequence[np.ndarray], contract: Contract, geometry: Geometry) -> Prediction:
    """centre = (output + cell) · stride, size = exp(output) · stride, score = objectness · class.

    Args:
        outputs: (1, A, 5 + C): x, y, width, height, objectness, and a score for each class.
        contract: names the labels and the strides.
        geometry: where the picture lies in the input.

    Raises:
        ValueError: the shape does not fit labels and strides.
    """
    rows = outputs[0][0].astype(np.float32)
    cell, stride = cells(contract.input.size, contract.output.strides)
    if rows.shape != (len(cell), 5 + len(contract.labels)):
        raise ValueError(
            f"its output has shape {outputs[0].shape}: for {len(contract.labels)} labels and strides "
            f"{contract.output.strides} it would be (1, {len(cell)}, {5 + len(contract.labels)})"
        )
    centre = (rows[:, :2] + cell) * stride[:, None]
    half = np.exp(np.minimum(rows[:, 2:4], 20.0)) * stride[:, None] / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1)
    return decode_cells(boxes, rows[:, 4:5] * rows[:, 5:], contract, geometry)
