"""Frames that a camera sent and that never reached the node, as far as the stamps of the others tell."""

from __future__ import annotations

from collections.abc import Sequence

# Intervals between stamps that are judged together.
_INTERVALS = 30
# Share of them that must be whole multiples of the period, each within this part of it.
_REGULAR_SHARE, _TOLERANCE = 0.8, 0.25
# A longer interval is a pause of the camera, in seconds.
_PAUSE = 2.0


class LostFrames:
    """Estimates from the stamps of one camera how many frames were lost on the way.

    The subscription keeps one frame, so that those which arrive while the executor is busy replace each other
    unseen. Where no two frames in a row arrive, nothing tells the camera from a slower one. Where stamps are
    not regular, as those of a driver that stamps late and in bursts, nothing is estimated.
    """

    def __init__(self) -> None:
        self._last: float | None = None
        self._intervals: list[float] = []

    def observe(self, stamp: float) -> int:
        """Frames that were lost among the last thirty or so, now and then, when one arrives.

        Args:
            stamp: of the frame that has arrived, in seconds.
        """
        interval = 0.0 if self._last is None else stamp - self._last
        self._last = stamp
        if not 0 < interval <= _PAUSE:  # the clock was set, a bag begins anew, or the camera paused
            self._intervals.clear()
            return 0
        self._intervals.append(interval)
        if len(self._intervals) < _INTERVALS:
            return 0
        lost = _lost(self._intervals)
        self._intervals.clear()
        return lost


def _lost(intervals: Sequence[float]) -> int:
    # In the shorter intervals nothing was lost. Their mean is the period; the quartile alone is below it.
    short = sorted(intervals)[len(intervals) // 4]
    single = [interval for interval in intervals if round(interval / short) == 1]
    period = sum(single) / len(single)
    multiples = [interval / period for interval in intervals]
    regular = sum(abs(multiple - max(round(multiple), 1)) < _TOLERANCE for multiple in multiples)
    if regular < _REGULAR_SHARE * len(intervals):
        return 0
    # As a whole: a frame that was stamped late makes one interval longer and the next one shorter.
    return max(round(sum(multiples)) - len(intervals), 0)
