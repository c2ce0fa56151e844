"""`navigation_action`, `…_collision`, `…_goal_distance` → what to do next."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vit_perception.runtime.decode.activation import sigmoid
from vit_perception.runtime.results import Navigation


def navigation(raw: Mapping[str, np.ndarray], actions: tuple[str, ...]) -> Navigation:
    """The navigation outputs that are there → scores; a part that is absent or not finite is None."""
    logits = raw.get("navigation_action")
    scores = None
    if logits is not None and np.isfinite(logits).all():
        scores = np.exp(logits - logits.max())
        scores = (scores / scores.sum()).astype(np.float32)
    collision = _finite(raw.get("navigation_collision"))
    return Navigation(
        actions=() if scores is None else actions,
        action_scores=scores,
        collision=None if collision is None else float(sigmoid(np.array(collision))),
        goal_distance=_finite(raw.get("navigation_goal_distance")),
    )


def _finite(value: np.ndarray | None) -> float | None:
    """The single number in `value`, or None where there is none or it is not finite."""
    return float(value[0]) if value is not None and np.isfinite(value[0]) else None
