"""The newest frame only, handed from the executor's thread to the one that works on it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Frame = TypeVar("Frame")


class FrameSlot(Generic[Frame]):
    """Holds one frame: a newer one takes the place of one that nobody took.

    Also the place where `max_rate` acts: `take` waits until the next frame is due, and then gives
    the newest there is.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._closed = False
        self._period = 0.0
        self._last_taken = float("-inf")

    def limit_rate(self, hz: float) -> None:
        """Give at most `hz` frames a second from now on; 0 is no limit."""
        with self._changed:
            self._period = 1.0 / hz if hz > 0 else 0.0
            self._changed.notify_all()

    def put(self, frame: Frame) -> bool:
        """Put in a newer frame; gives whether it overtook one that is lost now."""
        with self._changed:
            overtook = self._frame is not None
            self._frame = frame
            self._changed.notify_all()
            return overtook

    def take(self) -> Frame | None:
        """Wait for a frame that is due; None once the slot is closed."""
        with self._changed:
            while not self._closed:
                wait = self._last_taken + self._period - time.monotonic()
                if self._frame is not None and wait <= 0:
                    frame, self._frame = self._frame, None
                    self._last_taken = time.monotonic()
                    return frame
                self._changed.wait(None if self._frame is None else wait)
            return None

    def close(self) -> None:
        """Drop what is in and let every `take` return None."""
        with self._changed:
            self._closed = True
            self._frame = None
            self._changed.notify_all()


class FrameWorker(Generic[Frame]):
    """A thread that calls `work` with each frame it takes from `slot`. `work` must not raise."""

    def __init__(self, slot: FrameSlot[Frame], work: Callable[[Frame], None]) -> None:
        self._slot = slot
        self._work = work
        self._thread = threading.Thread(target=self.run_block, name="frames", daemon=True)
        self._thread.start()

    def run_block(self) -> None:
        while (frame := self._slot.take()) is not None:
            self._work(frame)

    def stop(self) -> None:
        """Close the slot and wait until the frame in work is done."""
        self._slot.close()
        self._thread.join()
