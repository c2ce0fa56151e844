"""How a navigator is trained: the field `navigation` of a training config."""

from __future__ import annotations

from dataclasses import dataclass, field

from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.layers.checks import (
    check_counts,
    check_not_negative,
    check_probability,
    check_weights,
    set_nested,
)


@dataclass(frozen=True)
class NavigationWeights:
    """What each part counts for in the loss of a navigator; 0 leaves a part out.

    Attributes:
        action: cross-entropy of the expert's action.
        collision: binary cross-entropy.
        goal_distance: smooth L1 of the logarithm of 1 + metres.
        path: L1 in metres, a mean over the points.
        scan: L1 of the logarithm of 1 + metres, a mean over the beams.
        free_space: cross-entropy of the place at which free ground ends, a mean over the columns.

    Raises:
        ValueError: a weight is negative or not a number.
    """

    action: float = 0.3
    collision: float = 0.5
    goal_distance: float = 0.3
    path: float = 2.0
    scan: float = 2.0
    free_space: float = 1.0

    def __post_init__(self) -> None:
        check_weights(self)


@dataclass(frozen=True)
class NavigationTraining:
    """How a navigator is trained. What is missing now and then in training may be missing on a robot.

    Attributes:
        model: what it takes and gives.
        window: frames of a drive that go through together, an interval apart, each the history of those
            after it. `batch_size` counts windows.
        drop_depth: share of the windows without depth; as many lose it half-way.
        drop_goal: share of the windows without a goal.
        goal_drift: standard deviation of how far ahead and aside, in metres, a window's goal is from where it
            should be: as odometry is wrong after wheels have slipped. 0 trains on true goals alone.
        drop_history: share of the frames without any history; as many of the others' tokens are missing.
        losses: what each part of the loss counts for.
        tokens: folder that keeps what the trunk gives for each frame, for other runs with the same trunk;
            None: `tokens` in the folder of the run.

    Raises:
        ValueError: a value is out of its range; the message names the field.
    """

    model: NavigationConfig = field(default_factory=NavigationConfig)
    window: int = 12
    drop_depth: float = 0.15
    drop_goal: float = 0.1
    # In the simulator, an expert's odometry is wrong by 0.07 m along the way and 0.12 m across it.
    goal_drift: float = 0.12
    drop_history: float = 0.15
    losses: NavigationWeights = field(default_factory=NavigationWeights)
    tokens: str | None = None

    def __post_init__(self) -> None:
        set_nested(self, "model", NavigationConfig)
        set_nested(self, "losses", NavigationWeights)
        check_counts(self, "window")
        for name in ("drop_depth", "drop_goal", "drop_history"):
            check_probability(self, name)
        check_not_negative(self, "goal_drift")
        if self.tokens is not None and not isinstance(self.tokens, str):
            raise ValueError(f"tokens must be the name of a folder, not {self.tokens!r}")
