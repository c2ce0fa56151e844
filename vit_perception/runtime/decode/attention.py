"""The output `attention` → a heat map over the source."""

from __future__ import annotations

import numpy as np

from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.results import Attention


def attention(weights: np.ndarray, geometry: Geometry) -> Attention:
    """Attention weights → a heat map: their mean over the heads, scaled to 1 at its highest patch.

    Args:
        weights: (heads, gh, gw).
        geometry: of the map.
    """
    heat = weights.mean(axis=0).astype(np.float32)
    rows, columns = geometry.cells(heat.shape)
    peak = heat[:rows, :columns].max()
    if peak > 0:
        heat = heat / peak
    return Attention(geometry.map_to_source(heat))
