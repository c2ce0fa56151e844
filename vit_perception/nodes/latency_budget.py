"""`max_latency_ms`: less effort a frame while answers come too late, more again once there is time.

Knows no rclpy. Smaller input comes first, since it keeps the rate; merging tokens inside the network
saves less than the smaller input that costs the same accuracy (docs/real_time.md), and is no step.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """input_scale: in that of the parameter; fresh_only: a frame that had to wait is let go."""

    input_scale: float
    fresh_only: bool = False


STEPS = (Effort(1.0), Effort(0.8), Effort(0.65), Effort(0.5), Effort(0.5, fresh_only=True))
# For models that take one input size alone.
FIXED_STEPS = (Effort(1.0), Effort(1.0, fresh_only=True))

# A verdict needs this many frames: the slowest tenth decides, so that one hiccup does not.
_FRAMES = 20
# The first of them may have waited behind work at the last effort.
_SETTLING = 2
# A step up is taken if the estimate for it stays below this share of the budget.
_MARGIN = 0.8
# Seconds at one effort before the next step up; doubled each time that one was too much.
_LEAST_HOLD, _MOST_HOLD = 5.0, 160.0


class LatencyBudget:
    """Chooses among `STEPS` by what each frame took. Safe to use from any thread.

    Args:
        max_ms: from the arrival of a frame at the node until its answers are out; 0 is no limit.
    """

    def __init__(self, max_ms: float = 0.0, steps: Sequence[Effort] = STEPS) -> None:
        self._lock = threading.Lock()
        self._steps = steps
        self._max_ms = max_ms
        self._level = 0
        self._samples: list[float] = []
        self._since: float | None = None
        self._hold = _LEAST_HOLD
        self._stepped_up = False
        self._p90 = 0.0

    @property
    def effort(self) -> Effort:
        with self._lock:
            return self._steps[self._level]

    def limit(self, max_ms: float) -> None:
        """Keep to this many milliseconds from now on; 0 is no limit."""
        with self._lock:
            if max_ms != self._max_ms:
                self._max_ms = max_ms
                self._hold, self._stepped_up = _LEAST_HOLD, False
                self._enter(self._level if max_ms else 0)

    def observe(self, latency_ms: float, now: float) -> str:
        """Count a frame answered at `now` (seconds, monotonic); gives what changed, in words, or nothing."""
        with self._lock:
            if not self._max_ms:
                return ""
            self._since = now if self._since is None else self._since
            self._samples.append(latency_ms)
            if len(self._samples) < _FRAMES + _SETTLING:
                return ""
            self._p90 = sorted(self._samples[_SETTLING:])[-_FRAMES // 10 - 1]
            del self._samples[_SETTLING : _SETTLING + _FRAMES // 2]
            return self._judge(now - self._since)

    @property
    def state(self) -> str:
        """The effort and why, for people; nothing without a limit."""
        with self._lock:
            if not self._max_ms:
                return ""
            effort = _words(self._steps[self._level])
            if not self._p90:
                return f"measuring; {effort}"
            verdict = "within" if self._p90 <= self._max_ms else "over"
            return f"{self._p90:.0f} ms, {verdict} {self._max_ms:g}; {effort}"

    @property
    def exhausted(self) -> bool:
        """Whether answers are late at the least effort there is."""
        with self._lock:
            return bool(self._max_ms) and self._level == len(self._steps) - 1 and self._p90 > self._max_ms

    def _judge(self, seconds: float) -> str:
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
        return f"{reason}: {_words(self._steps[self._level])}"

    def _estimate_above(self) -> float:
        """Milliseconds one step up: time goes with the pixels; waiting may double it."""
        here, above = self._steps[self._level], self._steps[self._level - 1]
        waiting = 2.0 if here.fresh_only and not above.fresh_only else 1.0
        return self._p90 * waiting * (above.input_scale / here.input_scale) ** 2

    def _enter(self, level: int) -> None:
        self._level = level
        self._samples.clear()
        self._since = None
        self._p90 = 0.0


def _words(effort: Effort) -> str:
    size = "input at full size" if effort.input_scale == 1 else f"input at {effort.input_scale:g} of its size"
    return f"{size}, only frames that need not wait" if effort.fresh_only else size
