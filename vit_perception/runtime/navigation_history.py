"""What a navigator saw in the last second: the tokens of its frames, as many apart as in training."""

from __future__ import annotations

from collections import deque

import numpy as np

from vit_perception.heads.navigation_config import NavigationConfig


class NavigationHistory:
    """Keeps tokens by the time of their frames. A camera may be faster or slower than the training was.

    Args:
        config: how many frames, and how many seconds apart.
    """

    def __init__(self, config: NavigationConfig) -> None:
        self._count, self._interval = config.history, config.interval
        self._kept: deque[tuple[float, np.ndarray]] = deque()

    def add(self, seconds: float, token: np.ndarray) -> None:
        """Keep `Navigation.token` of the frame of that time. Time that goes back forgets all frames."""
        if self._kept and seconds < self._kept[-1][0]:
            self.clear()
        self._kept.append((seconds, token))
        while self._kept[0][0] < seconds - (self._count + 1) * self._interval:
            self._kept.popleft()

    def before(self, seconds: float) -> tuple[np.ndarray | None, ...]:
        """For `NavigationInput.history` of a frame of that time: T tokens, the newest last.

        Each is of the frame nearest to its time, None where there was none within half an interval.
        """
        return tuple(self._nearest(seconds - age * self._interval) for age in range(self._count, 0, -1))

    def clear(self) -> None:
        """Forget all frames: the robot was carried away, or nobody looked for a while."""
        self._kept.clear()

    def _nearest(self, seconds: float) -> np.ndarray | None:
        apart, token = min(
            ((abs(time - seconds), token) for time, token in self._kept),
            key=lambda each: each[0],
            default=(np.inf, None),
        )
        return token if apart <= self._interval / 2 else None
