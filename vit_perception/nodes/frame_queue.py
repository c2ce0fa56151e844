"""A queue of depth one for each camera, between the executor's thread and the one that processes frames."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Frame = TypeVar("Frame")


class FrameQueue(Generic[Frame]):
    """Keeps the newest frame of each camera: a newer one replaces one that was not taken yet.

    It also limits the rate: `take` waits until the next frame is due, and returns the newest ones then.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frames: dict[str, Frame] = {}
        self._closed = False
        self._period = 0.0
        self._last_taken = float("-inf")

    def limit_rate(self, hz: float) -> None:
        """From now on return frames at most `hz` times a second; 0 is no limit."""
        with self._changed:
            self._period = 1.0 / hz if hz > 0 else 0.0
            self._changed.notify_all()

    def put(self, frame: Frame, camera: str = "") -> bool:
        """Add a frame.

        Returns:
            Whether it replaced an older frame of this camera, which is dropped.
        """
        with self._changed:
            replaced = camera in self._frames
            self._frames[camera] = frame
            self._changed.notify_all()
            return replaced

    def take(self) -> list[Frame]:
        """Wait until a frame is there and due.

        Returns:
            The frames of all cameras that have a new one, without waiting for the others; an empty list
            once the queue is closed.
        """
        with self._changed:
            while not self._closed:
                wait = self._last_taken + self._period - time.monotonic()
                if self._frames and wait <= 0:
                    frames = list(self._frames.values())
                    self._frames.clear()
                    self._last_taken = time.monotonic()
                    return frames
                self._changed.wait(wait if self._frames else None)
            return []

    def close(self) -> None:
        """Drop all frames and end every `take`, now and later."""
        with self._changed:
            self._closed = True
            self._frames.clear()
            self._changed.notify_all()


@dataclass(frozen=True)
class Death:
    """The end of a worker that nobody stopped.

    Attributes:
        error: that the callback raised.
        frames: how many were lost with it.
    """

    error: BaseException
    frames: int


class FrameWorker(Generic[Frame]):
    """A thread that passes the frames of a queue to a callback, until it is stopped or the callback raises.

    Attributes:
        death: how the thread ended, if nobody stopped it.
    """

    def __init__(self, queue: FrameQueue[Frame], callback: Callable[[list[Frame]], None]) -> None:
        self.death: Death | None = None
        self._queue = queue
        self._callback = callback
        self._thread = threading.Thread(target=self._run, name="frames", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the queue and wait until the frames that are being processed are done."""
        self._queue.close()
        self._thread.join()

    def _run(self) -> None:
        frames: list[Frame] = []
        try:
            while frames := self._queue.take():
                self._callback(frames)
                frames = []
        except BaseException as error:  # SystemExit, too, which would end a thread in silence
            self.death = Death(error, len(frames))
