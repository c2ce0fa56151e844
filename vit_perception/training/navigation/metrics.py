"""How good a navigator is on frames of drives, beside the expert."""

from __future__ import annotations

import numpy as np

from vit_perception.data.navigation import ACTIONS, FREE_COLUMNS
from vit_perception.runtime.results import Navigation


class NavigationMetrics:
    """Metrics of a navigator, frame by frame.

    Args:
        max_range: metres beyond which its scan does not see.
    """

    def __init__(self, max_range: float) -> None:
        self._max_range = max_range
        self._values: dict[str, list[float]] = {}
        self._collisions: list[tuple[bool, float]] = []

    def add(self, truth: np.ndarray, found: Navigation) -> None:
        """Count a frame; what was not found is not counted.

        Args:
            truth: of `frames.ROW`.
            found: the answer.
        """
        if found.action_scores is not None:
            best = found.actions[int(found.action_scores.argmax())]
            self._note("action_accuracy", 100.0 * (best == ACTIONS[int(truth["action"])]))
        if found.path is not None:
            self._note("path_error", float(np.linalg.norm(found.path - truth["path"], axis=1).mean()))
        if found.scan is not None:
            apart = np.abs(found.scan - truth["scan"].clip(max=self._max_range))
            self._note("scan_error", float(apart.mean()))
        if found.free_space is not None and (known := ~np.isnan(truth["free_space"])).any():
            columns = (np.arange(FREE_COLUMNS) + 0.5) / FREE_COLUMNS
            apart = np.interp(columns, *found.free_space.T) - truth["free_space"]
            self._note("free_space_error", 100.0 * float(np.abs(apart[known]).mean()))
        if found.goal_distance is not None:
            self._note("goal_distance_error", abs(found.goal_distance - float(truth["goal_distance"])))
        if found.collision is not None:
            self._collisions.append((bool(truth["collision"]), found.collision))
            right = (found.collision >= 0.5) == bool(truth["collision"])
            self._note("collision_accuracy", 100.0 * right)

    def result(self) -> dict[str, float]:
        """`action_accuracy`, `collision_accuracy` and `collision_ap` (average precision) in percent;
        `path_error` (mean distance of the points), `scan_error` and `goal_distance_error` (mean absolute) in
        metres; `free_space_error` (mean absolute) in percent of the picture's height. Only what could be
        measured."""
        from sklearn.metrics import average_precision_score

        found = {name: round(float(np.mean(values)), 3) for name, values in self._values.items()}
        if any(truth for truth, _ in self._collisions):
            truths, scores = zip(*self._collisions, strict=True)
            found["collision_ap"] = round(100 * float(average_precision_score(truths, scores)), 2)
        return found

    def _note(self, name: str, value: float) -> None:
        self._values.setdefault(name, []).append(value)
