"""Counts and times of the frames, written by two threads and read once a second."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Snapshot:
    """What happened since the snapshot before (rates, `stage_ms`, `new_error`) and in all (the rest).

    frame_age: seconds since the newest frame came, None before the first; stage_ms: mean by stage;
    new_error: the last error since the snapshot before, if there was one.
    """

    input_hz: float
    output_hz: float
    frame_age: float | None
    received: int
    processed: int
    dropped: int
    errors: int
    stage_ms: Mapping[str, float]
    last_error: str
    new_error: str


class Statistics:
    """Of one node since it was made; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received = self._processed = self._dropped = self._errors = 0
        self._last_arrival: float | None = None
        self._last_error = ""
        self._begin_window(time.monotonic())

    def _begin_window(self, now: float) -> None:
        self._window_start = now
        self._window_received = self._window_processed = 0
        self._window_error = ""
        self._stage_ms: defaultdict[str, float] = defaultdict(float)

    def arrived(self, overtook: bool) -> None:
        """Count a frame, and one dropped if it `overtook` a frame that nobody had looked at."""
        with self._lock:
            self._received += 1
            self._dropped += overtook
            self._window_received += 1
            self._last_arrival = time.monotonic()

    def processed(self, stage_ms: Mapping[str, float]) -> None:
        with self._lock:
            self._processed += 1
            self._window_processed += 1
            for stage, milliseconds in stage_ms.items():
                self._stage_ms[stage] += milliseconds

    def dropped(self, count: int) -> None:
        """Count frames that were let go after they had arrived."""
        with self._lock:
            self._dropped += count

    def failed(self, error: str, frames: int = 1) -> None:
        with self._lock:
            self._errors += frames
            self._last_error = self._window_error = error

    def snapshot(self) -> Snapshot:
        """What there is to say; begins a new window."""
        with self._lock:
            now = time.monotonic()
            seconds = max(now - self._window_start, 1e-6)
            frames = max(self._window_processed, 1)
            snapshot = Snapshot(
                input_hz=self._window_received / seconds,
                output_hz=self._window_processed / seconds,
                frame_age=None if self._last_arrival is None else now - self._last_arrival,
                received=self._received,
                processed=self._processed,
                dropped=self._dropped,
                errors=self._errors,
                stage_ms={stage: total / frames for stage, total in self._stage_ms.items()},
                last_error=self._last_error,
                new_error=self._window_error,
            )
            self._begin_window(now)
            return snapshot
