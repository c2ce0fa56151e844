"""The parameter `max_rate`: which frames of a camera are processed, decided when they arrive."""

from __future__ import annotations

# Of a period: a frame may come this much too early, since no camera is punctual. The next is due no earlier.
_TOLERANCE = 0.25


class RateLimit:
    """Admits the frames of one camera at most `hz` times a second on average; 0 is no limit.

    A frame that comes late does not put off the next one: of a camera at 10 Hz, a limit of 6 admits 6 frames
    a second, not every other one.
    """

    def __init__(self, hz: float) -> None:
        self._period = 1.0 / hz if hz > 0 else 0.0
        self._due = float("-inf")

    def admits(self, now: float) -> bool:
        """Whether a frame that arrives now, in seconds of a monotonic clock, is due."""
        late = now - self._due
        if late < -_TOLERANCE * self._period:
            return False
        # After a pause the schedule begins anew, instead of catching up.
        self._due = (self._due if late < self._period else now) + self._period
        return True
