"""What a navigator saw in the last second: the tokens of its frames, as many apart as in training."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from vit_perception.heads.navigation_config import NavigationConfig

_NEAR = 0.51


class NavigationHistory:
    """Keeps tokens by the time of their frames. A camera may be faster or slower than the training was.

    Args:
        config: how many frames, and how many seconds apart.
    """

    def __init__(self, config: NavigationConfig) -> None:
        self._config = config
        self._kept: deque[tuple[float, np.ndarray]] = deque()
        self._goal: tuple[float, ...] | None = None

    def towards(self, goal: tuple[float, ...]) -> None:
        """The robot goes to this place from now on. Another one forgets all frames: their tokens know where
        the goal was, and the robot would seem to have jumped."""
        if self._goal not in (None, goal):
            self.clear()
        self._goal = goal

    def add(self, seconds: float, token: np.ndarray) -> None:
        """Keep `Navigation.token` of the frame of that time. Time that goes back forgets all frames."""
        if self._kept and seconds < self._kept[-1][0]:
            self.clear()
        self._kept.append((seconds, token))
        oldest = seconds - (self._config.history + 1) * self._config.interval
        while self._kept[0][0] < oldest:
            self._kept.popleft()

    def before(self, seconds: float) -> tuple[np.ndarray | None, ...]:
        """For `NavigationInput.history` of a frame of that time: T tokens, the newest last, see `earlier`."""
        places = earlier([time for time, _ in self._kept], seconds, self._config)
        return tuple(None if place is None else self._kept[place][1] for place in places)

    def clear(self) -> None:
        """Forget all frames: the robot was carried away, or nobody looked for a while."""
        self._kept.clear()


def earlier(times: Sequence[float], seconds: float, config: NavigationConfig) -> list[int | None]:
    """Which frames are the history of a frame of time `seconds`: places in `times`, the newest last.

    Each of the T is the frame nearest to 1, 2, ... T intervals before; None where there is none within half
    an interval.
    """
    places: list[int | None] = []
    for age in range(config.history, 0, -1):
        wanted = seconds - age * config.interval
        place = min(range(len(times)), key=lambda each: abs(times[each] - wanted), default=None)
        # A little more than half, for a camera of twice the rate may be late by a rounding.
        near = place is not None and abs(times[place] - wanted) <= config.interval * _NEAR
        places.append(place if near else None)
    return places
