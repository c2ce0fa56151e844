"""Counts and times of the frames, written by two threads and published once a second."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from vit_perception.nodes.frame_queue import Drop


@dataclass(frozen=True)
class Counts:
    """Numbers of frames.

    Attributes:
        received: those that arrived. Each of them ends as one of the next six.
        processed: those with results.
        errors: those that could not be processed.
        throttled: those dropped because the next one was not due yet.
        overtaken: those dropped because a newer one arrived before the worker was free.
        stale: those dropped because they would have had to wait.
        unsubscribed: those that nobody wanted results of any more.
        lost: those that were sent and did not arrive, an estimate.
    """

    received: int = 0
    processed: int = 0
    errors: int = 0
    throttled: int = 0
    overtaken: int = 0
    stale: int = 0
    unsubscribed: int = 0
    lost: int = 0

    @property
    def dropped(self) -> int:
        return self.throttled + self.overtaken + self.stale


_COUNTED_AS = {Drop.THROTTLED: "throttled", Drop.OVERTAKEN: "overtaken", Drop.STALE: "stale"}


@dataclass(frozen=True)
class Snapshot:
    """Statistics of a node at one moment; a window reaches back to the previous snapshot.

    Attributes:
        seconds: length of the window.
        window: frames in this window.
        total: frames since the node started.
        frame_age: seconds since the newest frame arrived; None before the first.
        silent_seconds: since a frame arrived that was to be answered, without any having left the node since.
        stage_ms: mean time in this window by stage, in milliseconds.
        last_error: of all; empty if there was none.
        new_error: last error of this window; empty if there was none.
    """

    seconds: float
    window: Counts
    total: Counts
    frame_age: float | None
    silent_seconds: float
    stage_ms: Mapping[str, float]
    last_error: str
    new_error: str

    @property
    def input_hz(self) -> float:
        """Rate at which frames arrived in this window."""
        return self.window.received / self.seconds

    @property
    def output_hz(self) -> float:
        """Rate at which frames were processed in this window."""
        return self.window.processed / self.seconds


class Statistics:
    """Counts since the node was created. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total: Counter[str] = Counter()
        self._last_received: float | None = None
        self._silent_since: float | None = None
        self._last_error = ""
        self._begin_window(time.monotonic())

    def _begin_window(self, now: float) -> None:
        self._window_start = now
        self._window: Counter[str] = Counter()
        self._window_error = ""
        self._stage_ms: defaultdict[str, float] = defaultdict(float)

    def resume(self) -> None:
        """From now on frames are to be answered; those that arrived before are gone."""
        with self._lock:
            self._silent_since = None

    def received(self, drop: Drop | None, lost: int = 0) -> None:
        """Count a frame that arrived.

        Args:
            drop: why it, or the one that it overtook, was dropped.
            lost: frames before it that did not arrive.
        """
        with self._lock:
            self._last_received = time.monotonic()
            self._count("received")
            self._count("lost", lost)
            if drop is not None:
                self._count(_COUNTED_AS[drop])
            if self._silent_since is None and drop is not Drop.THROTTLED:
                self._silent_since = self._last_received

    def processed(self, stage_ms: Mapping[str, float]) -> None:
        with self._lock:
            self._silent_since = None
            self._count("processed")
            for stage, milliseconds in stage_ms.items():
                self._stage_ms[stage] += milliseconds

    def unsubscribed(self) -> None:
        """Count a frame that nobody wants results of any more."""
        with self._lock:
            self._silent_since = None
            self._count("unsubscribed")

    def failed(self, error: str, frames: int = 1) -> None:
        with self._lock:
            self._silent_since = None
            self._count("errors", frames)
            self._last_error = self._window_error = error

    def snapshot(self) -> Snapshot:
        """The statistics now; begins a new window."""
        with self._lock:
            now = time.monotonic()
            frames = max(self._window["processed"], 1)
            snapshot = Snapshot(
                seconds=max(now - self._window_start, 1e-6),
                window=Counts(**self._window),
                total=Counts(**self._total),
                frame_age=None if self._last_received is None else now - self._last_received,
                silent_seconds=0.0 if self._silent_since is None else now - self._silent_since,
                stage_ms={stage: total / frames for stage, total in self._stage_ms.items()},
                last_error=self._last_error,
                new_error=self._window_error,
            )
            self._begin_window(now)
            return snapshot

    def _count(self, what: str, frames: int = 1) -> None:
        self._total[what] += frames
        self._window[what] += frames
