"""Counts and times of the frames, written by two threads and published once a second."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Snapshot:
    """Statistics of a node at one moment; a window reaches back to the previous snapshot.

    Attributes:
        input_hz: rate at which frames arrived in this window.
        output_hz: rate at which frames were processed in this window.
        frame_age: seconds since the newest frame arrived; None before the first.
        received: frames since the node started.
        processed: frames since the node started.
        dropped: frames since the node started that were replaced by newer ones, or stale.
        errors: frames since the node started that could not be processed.
        stage_ms: mean time in this window by stage, in milliseconds.
        last_error: of all; empty if there was none.
        new_error: last error of this window; empty if there was none.
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
    """Counts since the node was created. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received = self._processed = self._dropped = self._errors = 0
        self._last_received: float | None = None
        self._last_error = ""
        self._begin_window(time.monotonic())

    def _begin_window(self, now: float) -> None:
        self._window_start = now
        self._window_received = self._window_processed = 0
        self._window_error = ""
        self._stage_ms: defaultdict[str, float] = defaultdict(float)

    def received(self, replaced: bool) -> None:
        """Count a frame that arrived, and one as dropped if it replaced a frame that was waiting."""
        with self._lock:
            self._received += 1
            self._dropped += replaced
            self._window_received += 1
            self._last_received = time.monotonic()

    def processed(self, stage_ms: Mapping[str, float]) -> None:
        with self._lock:
            self._processed += 1
            self._window_processed += 1
            for stage, milliseconds in stage_ms.items():
                self._stage_ms[stage] += milliseconds

    def dropped(self, count: int) -> None:
        """Count stale frames."""
        with self._lock:
            self._dropped += count

    def failed(self, error: str, frames: int = 1) -> None:
        with self._lock:
            self._errors += frames
            self._last_error = self._window_error = error

    def snapshot(self) -> Snapshot:
        """The statistics now; begins a new window."""
        with self._lock:
            now = time.monotonic()
            seconds = max(now - self._window_start, 1e-6)
            frames = max(self._window_processed, 1)
            snapshot = Snapshot(
                input_hz=self._window_received / seconds,
                output_hz=self._window_processed / seconds,
                frame_age=None if self._last_received is None else now - self._last_received,
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
