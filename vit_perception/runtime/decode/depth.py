"""`depth` → how far every source pixel is."""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.cards.rules import DepthRule
from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.results import Depth

_INTERPOLATION = {"bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}


def depth(values: np.ndarray, rule: DepthRule, geometry: Geometry) -> Depth:
    """(h, w) over the input → (H, W) of the source; what is not a number is NaN."""
    known = np.where(np.isfinite(values), values, np.float32(np.nan))
    placed = geometry.map_to_source(known.astype(np.float32), _INTERPOLATION[rule.interpolation])
    return Depth(np.ascontiguousarray(placed), rule.metric)
