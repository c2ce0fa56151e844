"""What a navigator takes and gives: `architecture.navigation` of a card. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vit_perception.layers.checks import check_counts, check_flags, check_numbers

# Columns of a goal: distance in metres, sine and cosine of its bearing, and 1; zeros for no goal.
GOAL_SIZE = 4
# Metres of depth; what is farther is as unknown as 0.
FARTHEST = 1000.0


@dataclass(frozen=True)
class NavigationConfig:
    """A navigator, see `heads/navigation.py`.

    Attributes:
        depth: whether it takes a depth image.
        goal: whether it takes a goal.
        history: T, how many earlier frames it remembers; 0 for none.
        interval: seconds between two of these frames.
        waypoints: points of the path.
        beams: directions of the scan.
        beam_angle: of the first beam, to the left of straight ahead, in radians; the last is as far right.
        max_range: metres beyond which a beam does not see.
        width: channels of its tokens, a multiple of 4.
        free_space: whether it says where free ground ends in the picture.

    Raises:
        ValueError: a value is out of its range.
    """

    depth: bool = True
    goal: bool = True
    history: int = 4
    interval: float = 0.2
    waypoints: int = 8
    beams: int = 32
    beam_angle: float = 0.698
    max_range: float = 6.0
    width: int = 256
    free_space: bool = False

    def __post_init__(self) -> None:
        check_flags(self, "depth", "goal", "free_space")
        check_counts(self, "history", least=0)
        check_counts(self, "waypoints", "width")
        check_numbers(self, "interval", "max_range")
        check_numbers(self, "beam_angle", high=math.pi)
        check_counts(self, "beams")
        if self.beams < 2:
            raise ValueError("beams is 1: give at least two, the outermost")
        if self.width % 4:
            raise ValueError(f"width must be a multiple of 4, not {self.width}")

    @classmethod
    def of(cls, architecture: Mapping[str, Any]) -> NavigationConfig | None:
        """Of the field of this name on a card; None where it has none.

        Raises:
            ValueError: a field is unknown or wrong.
        """
        if (fields := architecture.get("navigation")) is None:
            return None
        if not isinstance(fields, Mapping):
            raise ValueError(f"architecture: navigation is {fields!r}: give a mapping of its fields")
        try:
            return cls(**fields)
        except (TypeError, ValueError) as error:
            raise ValueError(f"architecture: navigation: {error}") from error

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of what the model takes beside the image."""
        taken = {"depth": self.depth, "goal": self.goal, "history": self.history > 0}
        return tuple(name for name, is_taken in taken.items() if is_taken)

    @property
    def angles(self) -> tuple[float, ...]:
        """Of the beams, in radians; positive is left (REP 103)."""
        step = 2 * self.beam_angle / (self.beams - 1)
        return tuple(self.beam_angle - step * beam for beam in range(self.beams))
