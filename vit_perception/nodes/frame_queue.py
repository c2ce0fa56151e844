"""A queue of depth one for each camera, between the executor's thread and the one that processes frames."""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from vit_perception.nodes.rate_limit import RateLimit

Frame = TypeVar("Frame")
_INTERRUPT_SECONDS = 0.1


class Drop(enum.Enum):
    """Why a frame is dropped."""

    THROTTLED = "it came before the next one was due"
    OVERTAKEN = "a newer frame of its camera arrived before the worker was free"
    STALE = "it would have had to wait for an earlier frame of its camera"


class FrameQueue(Generic[Frame]):
    """Keeps the newest frame of each camera: a newer one replaces one that was not taken yet.

    Frames are dropped when they arrive, and one that was kept never waits for anything but the worker.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frames: dict[str, Frame] = {}
        self._in_work: set[str] = set()
        self._closed = False
        self._max_rate = 0.0
        self._limits: dict[str, RateLimit] = {}

    @property
    def idle(self) -> bool:
        """Whether no frame is waiting and none is being processed."""
        with self._changed:
            return not self._frames and not self._in_work

    def limit_rate(self, hz: float) -> None:
        """From now on keep at most `hz` frames of each camera a second; 0 is no limit."""
        with self._changed:
            if hz != self._max_rate:
                self._max_rate = hz
                self._limits.clear()

    def put(self, frame: Frame, camera: str = "", fresh_only: bool = False) -> Drop | None:
        """Add a frame.

        Args:
            fresh_only: drop it if an earlier frame of this camera is still being processed.

        Returns:
            Why a frame was dropped: this one, or the one that it overtook. None if none was.
        """
        with self._changed:
            if camera in self._frames:  # was due, and so is the newer one in its place
                self._frames[camera] = frame
                return Drop.OVERTAKEN
            if fresh_only and camera in self._in_work:
                return Drop.STALE
            limit = self._limits.setdefault(camera, RateLimit(self._max_rate))
            if not limit.admits(time.monotonic()):
                return Drop.THROTTLED
            self._frames[camera] = frame
            self._changed.notify_all()
            return None

    def take(self) -> list[Frame]:
        """Wait until a frame is there. Those that were taken before are done.

        Returns:
            The frames of all cameras that have a new one, without waiting for the others; an empty list
            once the queue is closed.
        """
        with self._changed:
            self._in_work.clear()
            self._changed.wait_for(lambda: self._frames or self._closed)
            if self._closed:
                return []
            frames = list(self._frames.values())
            self._in_work.update(self._frames)
            self._frames.clear()
            return frames

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

    def stop(self, interrupt: Callable[[], None] = lambda: None) -> None:
        """Close the queue and wait until the frames that are being processed are done.

        Args:
            interrupt: ends what they may be waiting for. Called again and again, since they may only be about
                to wait.
        """
        self._queue.close()
        while self._thread.is_alive():
            interrupt()
            self._thread.join(_INTERRUPT_SECONDS)

    def _run(self) -> None:
        frames: list[Frame] = []
        try:
            while frames := self._queue.take():
                self._callback(frames)
                frames = []
        except BaseException as error:  # SystemExit, too, which would end a thread in silence
            self.death = Death(error, len(frames))
