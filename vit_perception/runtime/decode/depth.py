"""The output `depth` → the distance of every source pixel."""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.cards.rules import DepthRule
from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.results import Depth

_INTERPOLATION = {"bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}


def depth(values: np.ndarray, rule: DepthRule, geometry: Geometry) -> Depth:
    """A depth map over the input → one over the source.

    Args:
        values: (h, w); infinite ones become NaN.
        rule: how to interpolate, and whether values are in metres.
        geometry: of the map.
    """
    known = np.where(np.isfinite(values), values, np.float32(np.nan))
    placed = geometry.map_to_source(known.astype(np.float32), _INTERPOLATION[rule.interpolation])
    return Depth(np.ascontiguousarray(placed), rule.metric)
