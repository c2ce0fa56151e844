"""Where free ground ends in each column of a picture, of a softmax over its rows."""

from __future__ import annotations

import numpy as np

from vit_perception.runtime.preprocess import Geometry

# Of the probability of each column, so much is below the place that counts.
_MEDIAN = 0.5


def free_space(logits: np.ndarray, geometry: Geometry) -> np.ndarray:
    """(K, 2) float32: column and row at which free ground ends, as shares of the picture's width and height.

    Args:
        logits: (R, W) of a softmax over places from the top to the bottom of the network's input.
        geometry: how the picture lies in it; of columns in its padding nothing is told.
    """
    rows, columns = logits.shape
    weights = np.exp(logits.astype(np.float64) - logits.max(axis=0))
    below = np.cumsum(weights[::-1] / weights.sum(axis=0), axis=0)
    # Within the place in which the median is, from the bottom: as far as the share of its own probability.
    place = np.minimum((below < _MEDIAN).sum(axis=0), rows - 1)
    each = np.arange(columns)
    before = np.where(place > 0, below[place - 1, each], 0.0)
    share = (_MEDIAN - before) / np.maximum(below[place, each] - before, 1e-9)
    row = 1.0 - (place + np.clip(share, 0.0, 1.0)) / rows
    found = np.stack([(each + 0.5) / columns, row], axis=1)
    (top, left), (height, width), size = geometry.offset, geometry.content, geometry.input
    found = (found * (size[1], size[0]) - (left, top)) / (width, height)
    inside = (found[:, 0] > 0) & (found[:, 0] < 1)
    return found[inside].clip(0.0, 1.0).astype(np.float32)
