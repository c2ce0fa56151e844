"""The parameter `max_latency_ms`: less effort for a frame while results are late, more once there is time.

The first steps make the input smaller, which keeps the rate. Merging tokens inside the network is no step: at
the same loss of accuracy it saves less time than a smaller input (docs/real_time.md). Does not import rclpy.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """How much is computed for a frame.

    Attributes:
        input_scale: factor on the parameter `input_scale`.
        fresh_only: whether a frame is dropped that would have to wait for an earlier one of its camera.
    """

    input_scale: float
    fresh_only: bool = False


STEPS = (Effort(1.0), Effort(0.8), Effort(0.65), Effort(0.5), Effort(0.5, fresh_only=True))
# For models of one fixed input size.
FIXED_STEPS = (Effort(1.0), Effort(1.0, fresh_only=True))

# Frames in a measurement. Their 90th percentile counts, so that one slow frame changes nothing.
_FRAMES = 20
# The first frames after a step may have waited for one at the previous effort, and do not count.
_SETTLING = 2
# A step up is taken where its estimated latency is below this share of the budget.
_MARGIN = 0.8
# Seconds at one effort before a step up, doubled after each step up that had to be taken back.
_LEAST_HOLD, _MOST_HOLD = 5.0, 160.0


class LatencyBudget:
    """Chooses the effort by the latency of the frames so far. Any thread may use it.

    Args:
        max_ms: longest time from the arrival of a frame at the node until its results are published; 0 is
            no limit.
        steps: efforts to choose from, the largest first.
    """

    def __init__(self, max_ms: float = 0.0, steps: Sequence[Effort] = STEPS) -> None:
        self._lock = threading.Lock()
        self._steps = steps
        self._max_ms = max_ms
        self._level = 0
        self._samples: list[float] = []
        self._since: float | None = None
        self._last: float | None = None
        self._interval = 0.0
        self._hold = _LEAST_HOLD
        self._stepped_up = False
        self._p90 = 0.0

    @property
    def effort(self) -> Effort:
        with self._lock:
            return self._steps[self._level]

    def limit(self, max_ms: float) -> None:
        """Change the limit, in milliseconds; 0 is no limit."""
        with self._lock:
            if max_ms != self._max_ms:
                self._max_ms = max_ms
                self._hold, self._stepped_up = _LEAST_HOLD, False
                self._enter(self._level if max_ms else 0)

    def observe(self, latency_ms: float, now: float) -> str:
        """Count a frame.

        Args:
            latency_ms: from its arrival until its results were published.
            now: time of `time.monotonic`, in seconds.

        Returns:
            What was changed and why, for the log; empty if nothing was.
        """
        with self._lock:
            if not self._max_ms:
                return ""
            self._interval = 0.0 if self._last is None else now - self._last
            self._last = now
            self._since = now if self._since is None else self._since
            self._samples.append(latency_ms)
            if len(self._samples) < _FRAMES + _SETTLING:
                return ""
            self._p90 = sorted(self._samples[_SETTLING:])[-_FRAMES // 10 - 1]
            del self._samples[_SETTLING : _SETTLING + _FRAMES // 2]
            return self._adapt(now - self._since)

    def relax(self, now: float) -> str:
        """Take a step up if no frame was counted for as long as a step up would take with frames.

        Not to be called while one is being processed, which may just be slow.

        Args:
            now: time of `time.monotonic`, in seconds.

        Returns:
            What was changed and why, for the log; empty if nothing was.
        """
        with self._lock:
            if not self._level or self._last is None:
                return ""
            idle = now - self._last
            if idle <= max(self._hold, _FRAMES * self._interval):
                return ""
            self._last = now
            self._stepped_up = False
            self._enter(self._level - 1)
            return f"no frame was processed for {idle:.0f} s: {_describe(self._steps[self._level])}"

    @property
    def state(self) -> str:
        """The measured latency and the effort, for /diagnostics; empty without a limit."""
        with self._lock:
            if not self._max_ms:
                return ""
            effort = _describe(self._steps[self._level])
            if not self._p90:
                return f"measuring; {effort}"
            verdict = "within" if self._p90 <= self._max_ms else "over"
            return f"{self._p90:.0f} ms, {verdict} {self._max_ms:g}; {effort}"

    @property
    def exhausted(self) -> bool:
        """Whether results are late at the least effort."""
        with self._lock:
            return bool(self._max_ms) and self._level == len(self._steps) - 1 and self._p90 > self._max_ms

    def _adapt(self, seconds: float) -> str:
        if self._p90 > self._max_ms:
            if self._level == len(self._steps) - 1:
                return ""
            if self._stepped_up:
                self._hold = min(2 * self._hold, _MOST_HOLD)
            self._stepped_up = False
            reason = f"{self._p90:.0f} ms is over max_latency_ms {self._max_ms:g}"
            self._enter(self._level + 1)
        elif self._level and seconds > self._hold and self._estimate_above() < _MARGIN * self._max_ms:
            self._stepped_up = True
            reason = f"{self._p90:.0f} ms leaves time within max_latency_ms {self._max_ms:g}"
            self._enter(self._level - 1)
        else:
            return ""
        return f"{reason}: {_describe(self._steps[self._level])}"

    def _estimate_above(self) -> float:
        """Latency one step up, in milliseconds: it grows with the pixels, and waiting may double it."""
        current, above = self._steps[self._level], self._steps[self._level - 1]
        waiting = 2.0 if current.fresh_only and not above.fresh_only else 1.0
        return self._p90 * waiting * (above.input_scale / current.input_scale) ** 2

    def _enter(self, level: int) -> None:
        self._level = level
        self._samples.clear()
        self._since = None
        self._p90 = 0.0


def _describe(effort: Effort) -> str:
    size = "input at full size" if effort.input_scale == 1 else f"input at {effort.input_scale:g} of its size"
    return f"{size}, only frames that need not wait" if effort.fresh_only else size
