"""A bag of what the page shows, recorded beside."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from vit_perception.nodes.outputs.topics import Qos
from vit_perception.replay.disk import DiskFull
from vit_perception.replay.recorder import Recorder
from vit_perception.replay.run import RESULTS
from vit_perception.view.gathering import Message
from vit_perception.view.layers import LABEL_TOPICS

# Bytes that wait for the disk; what comes beyond is left out and counted.
_MOST_BYTES = 128_000_000
_LATCHED = Qos(transient_local=True, depth=1)


class Recording:
    """Writes from a thread of its own until `stop`, or until it fails.

    Args:
        output: folder in which a folder for the bag is made, named by the time.
        latched: messages that came before, by topic.

    Attributes:
        path: of the bag's file.
        messages: written so far.
        left_out: those that the disk was too slow or too full for.
        problem: why it ended by itself; empty if it did not.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(self, output: Path, latched: Mapping[str, Message]) -> None:
        folder = output / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
        folder.mkdir(parents=True)
        self.path = folder / RESULTS
        self.messages = self.left_out = 0
        self.problem = ""
        self._queue: queue.SimpleQueue[tuple[str, str, bytes, int] | None] = queue.SimpleQueue()
        self._waiting = 0
        self._lock = threading.Lock()
        for topic, message in latched.items():
            self.put(topic, message.kind, message.cdr)
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def put(self, topic: str, kind: str, cdr: bytes) -> None:
        """Record a message, as `Tap`; never waits for the disk."""
        with self._lock:
            if self.problem or self._waiting + len(cdr) > _MOST_BYTES:
                self.left_out += 1
                return
            self._waiting += len(cdr)
        self._queue.put((topic, kind, cdr, time.time_ns()))

    def stop(self) -> None:
        """Write what waits, and end."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            with Recorder(self.path) as recorder:
                while (item := self._queue.get()) is not None:
                    self._write(recorder, *item)
        except (DiskFull, OSError) as error:
            self.problem = str(error)

    def _write(self, recorder: Recorder, topic: str, kind: str, cdr: bytes, when: int) -> None:
        is_latched = topic.endswith(tuple(f"/{name}" for name in LABEL_TOPICS))
        recorder.add_topic(topic, kind, _LATCHED if is_latched else Qos())
        recorder.write(topic, cdr, log_ns=when, publish_ns=when)
        with self._lock:
            self._waiting -= len(cdr)
            self.messages += 1
