"""The newest frame of each camera, handed from the executor's thread to the one that works on it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Frame = TypeVar("Frame")


class FrameSlot(Generic[Frame]):
    """Holds one frame a camera: a newer one takes the place of one that nobody took.

    Also the place where `max_rate` acts: `take` waits until the next frame is due, and then gives
    the newest there are.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frames: dict[str, Frame] = {}
        self._closed = False
        self._period = 0.0
        self._last_taken = float("-inf")

    def limit_rate(self, hz: float) -> None:
        """Let `take` give frames at most `hz` times a second from now on; 0 is no limit."""
        with self._changed:
            self._period = 1.0 / hz if hz > 0 else 0.0
            self._changed.notify_all()

    def put(self, frame: Frame, camera: str = "") -> bool:
        """Put in a newer frame; gives whether it overtook one of this camera that is lost now."""
        with self._changed:
            overtook = camera in self._frames
            self._frames[camera] = frame
            self._changed.notify_all()
            return overtook

    def take(self) -> list[Frame]:
        """Wait for frames that are due, one a camera that has one; none once the slot is closed.

        A camera without a new frame holds nobody up.
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
        """Drop what is in and let every `take` return nothing."""
        with self._changed:
            self._closed = True
            self._frames.clear()
            self._changed.notify_all()


class FrameWorker(Generic[Frame]):
    """A thread that calls `work` with the frames it takes from `slot`. `work` must not raise."""

    def __init__(self, slot: FrameSlot[Frame], work: Callable[[list[Frame]], None]) -> None:
        self._slot = slot
        self._work = work
        self._thread = threading.Thread(target=self.run_block, name="frames", daemon=True)
        self._thread.start()

    def run_block(self) -> None:
        while frames := self._slot.take():
            self._work(frames)

    def stop(self) -> None:
        """Close the slot and wait until the frames in work are done."""
        self._slot.close()
        self._thread.join()
