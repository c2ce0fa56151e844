"""`attention` → a heat map over the source."""

from __future__ import annotations

import numpy as np

from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.results import Attention


def attention(weights: np.ndarray, geometry: Geometry) -> Attention:
    """(heads, gh, gw) weights → mean of the heads as a heat map, 1 at the patch attended to most."""
    heat = np.where(np.isfinite(weights).all(axis=0), weights.mean(axis=0), 0.0).astype(np.float32)
    rows, columns = geometry.cells(heat.shape)
    peak = heat[:rows, :columns].max()
    if peak > 0:
        heat = heat / peak
    return Attention(geometry.map_to_source(heat))
