"""How similar a model's answers are in two precisions, where there are no labels to measure accuracy with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vit_perception.runtime.overlap import overlaps
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request
from vit_perception.runtime.results import Detection
from vit_perception.tasks import CLASSIFICATION

# What counts as the same box, in intersection over union, and as the same depth.
_SAME_BOX, _NEAR_DEPTH = 0.5, 0.05


def agreement(exact: Predictor, fast: Predictor, frames: Sequence[np.ndarray]) -> dict[str, Any]:
    """How much of the answers in `exact` is the same in `fast`, in percent by name.

    Counted are the pixels of the mask, the best classes, the boxes (of the same class, IoU at least a half)
    and the pixels of depth (to a twentieth).
    """
    found: dict[str, list[float]] = {}
    # The best class is compared even where it is below the threshold.
    request = Request(thresholds={CLASSIFICATION: 0.0})

    def note(name: str, share: float) -> None:
        found.setdefault(f"{name}_agreement", []).append(share)

    for frame in frames:
        one, other = (predictor(frame, "rgb", request) for predictor in (exact, fast))
        if one.segmentation and other.segmentation:
            note("mask", float(np.mean(one.segmentation.mask == other.segmentation.mask)))
        if one.classification and other.classification:
            note("best_class", float(one.classification.class_ids[0] == other.classification.class_ids[0]))
        if one.detection and other.detection and len(one.detection.boxes):
            note("box", _kept(one.detection, other.detection))
        if one.depth and other.depth:
            apart = np.abs(other.depth.depth - one.depth.depth)
            note("depth", float(np.mean(apart <= _NEAR_DEPTH * np.abs(one.depth.depth))))
    shares = {name: round(100 * float(np.mean(values)), 2) for name, values in found.items()}
    return {"frames": len(frames), **shares}


def _kept(one: Detection, other: Detection) -> float:
    """Share of the boxes of `one` that `other` has too, of the same class."""
    if not len(other.boxes):
        return 0.0
    alike = overlaps(one.boxes, other.boxes) >= _SAME_BOX
    alike &= one.class_ids[:, None] == other.class_ids[None]
    return float(alike.any(axis=1).mean())
