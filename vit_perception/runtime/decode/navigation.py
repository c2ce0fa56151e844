"""The outputs `navigation_action`, `…_collision` and `…_goal_distance` → what to do next."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vit_perception.runtime.decode.activation import sigmoid
from vit_perception.runtime.results import Navigation


def navigation(raw: Mapping[str, np.ndarray], actions: tuple[str, ...]) -> Navigation:
    """Outputs of the navigation heads → a result; a field is None where its output is absent.

    Args:
        raw: those that the model has of `navigation_action` (A,) logits, `navigation_collision` (1,) logit
            and `navigation_goal_distance` (1,) metres.
        actions: names of the A actions.
    """
    logits = raw.get("navigation_action")
    scores = None
    if logits is not None:
        scores = np.exp(logits - logits.max())
        scores = (scores / scores.sum()).astype(np.float32)
    collision = _number(raw.get("navigation_collision"))
    return Navigation(
        actions=() if scores is None else actions,
        action_scores=scores,
        collision=None if collision is None else float(sigmoid(np.array(collision))),
        goal_distance=_number(raw.get("navigation_goal_distance")),
    )


def _number(value: np.ndarray | None) -> float | None:
    """The number in an array of one; None where it is absent."""
    return None if value is None else float(value[0])
