"""PicoDet (Yu et al. 2021): class scores, and the distances from a cell's centre to the four sides as
distributions (Generalised Focal Loss, Li et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vit_perception.data.teachers import Prediction
from vit_perception.data.teachers.contract import Contract
from vit_perception.data.teachers.decode.grid import cells, decode_cells
from vit_perception.runtime.decode.activation import softmax
from vit_perception.runtime.preprocess import Geometry


def decode_picodet(outputs: Sequence[np.ndarray], contract: Contract, geometry: Geometry) -> Prediction:
    """A distance is the expectation of its distribution times the stride.

    Args:
        outputs: for each stride scores (1, A, C) in 0..1, then for each stride logits (1, A, 4 · bins) of the
            distances to left, top, right and bottom.
        contract: names the labels and the strides.
        geometry: where the picture lies in the input.

    Raises:
        ValueError: the shapes do not fit labels and strides.
    """
    levels = len(contract.output.strides)
    cell, stride = cells(contract.input.size, contract.output.strides)
    scores = np.concatenate([values[0] for values in outputs[:levels]]).astype(np.float32)
    logits = np.concatenate([values[0] for values in outputs[levels:]]).astype(np.float32)
    if scores.shape != (len(cell), len(contract.labels)) or len(logits) != len(cell) or logits.shape[1] % 4:
        raise ValueError(
            f"its outputs have {scores.shape} scores and {logits.shape} distances: for strides "
            f"{contract.output.strides} there would be {len(cell)} rows, of {len(contract.labels)} scores "
            "and four times the bins"
        )
    bins = np.arange(logits.shape[1] // 4, dtype=np.float32)
    distances = (softmax(logits.reshape(len(cell), 4, -1)) * bins).sum(axis=2) * stride[:, None]
    centre = (cell + 0.5) * stride[:, None]
    boxes = np.concatenate([centre - distances[:, :2], centre + distances[:, 2:]], axis=1)
    return decode_cells(boxes, scores, contract, geometry)
