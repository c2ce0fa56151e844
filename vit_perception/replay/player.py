"""Sends frame after frame to the nodes; their messages go into the bag and onto the scoreboard."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from vit_perception.replay.cdr import stamp_ns, with_stamp
from vit_perception.replay.recorder import Recorder
from vit_perception.replay.scoreboard import Scoreboard, Sent
from vit_perception.replay.session import Received, Session
from vit_perception.replay.sources import Frame

_LOG = logging.getLogger(__name__)

# How long lockstep waits for a frame's results, and real time for the last ones.
RESULT_SECONDS = 30.0
# How long one wait lasts before looking at the processes again.
_SLICE_SECONDS = 0.2


class Player:
    """Plays frames through a session whose nodes are ready.

    Nodes see each frame stamped with the moment of its publication, so that the time to a result can be
    measured. What comes from a bag is recorded with its own time: original stamps, and log times as if the
    nodes had run while the bag was recorded, so that both bags play side by side.

    Args:
        session: with the nodes.
        recorder: of the bag; the session's topics are declared.
        board: counts what comes.
        check: called at least every second; raises when a node has died or the user wants to stop.
        early: messages that came before the first frame.
    """

    def __init__(
        self,
        session: Session,
        recorder: Recorder,
        board: Scoreboard,
        check: Callable[[], None],
        early: Iterable[Received],
    ) -> None:
        self._session = session
        self._image_topic = session.image.name
        self._recorder = recorder
        self._board = board
        self._check = check
        self._early = list(early)
        self._latest: Sent | None = None

    def lockstep(self, frames: Iterable[Frame], progress: Callable[[], object]) -> None:
        """Send a frame when the last one is answered on every topic, or has not been for too long."""
        for frame in frames:
            sent = self._send(frame)
            self._receive(time.monotonic() + RESULT_SECONDS, sent)
            if not sent.answered:
                missing = ", ".join(sorted(sent.missing))
                _LOG.warning(
                    "frame %s was not answered on %s within %.0f s", sent.name, missing, RESULT_SECONDS
                )
            progress()

    def real_time(self, frames: Iterable[Frame], hz: float, progress: Callable[[], object]) -> None:
        """Send `hz` frames a second, whatever comes back, then wait for the last results."""
        start = time.monotonic()
        for index, frame in enumerate(frames):
            self._receive(start + index / hz, None)
            self._send(frame)
            progress()
        # Nodes drop older frames for the newest: once that is answered, no older one will be.
        if self._latest is not None:
            self._receive(time.monotonic() + RESULT_SECONDS, self._latest)

    def _send(self, frame: Frame) -> Sent:
        self._recorder.make_room(frame.cdr)  # before it is counted
        stamp = self._session.new_stamp()
        sent = self._board.send(frame, stamp, stamp_ns(frame.cdr))
        self._latest = sent
        cdr = with_stamp(frame.cdr, stamp)
        self._session.publish(cdr)
        log_ns = sent.on_timeline(stamp)
        self._recorder.write(
            self._image_topic,
            self._restored(cdr, sent),
            log_ns=log_ns,
            publish_ns=log_ns,
            frame=sent.index,
        )
        while self._early:
            self._record(self._early.pop(0))
        return sent

    def _receive(self, until: float, wanted: Sent | None) -> None:
        """Record messages until the monotonic clock says `until`, or `wanted` is answered."""
        while wanted is None or not wanted.answered:
            self._check()
            now = time.monotonic()
            for message in self._session.messages(min(until, now + _SLICE_SECONDS)):
                self._record(message)
                if wanted is not None and wanted.answered:
                    return
            if now >= until:
                return

    def _record(self, message: Received) -> None:
        if self._latest is None:  # nothing is recorded before the first frame is sent
            self._early.append(message)
            return
        self._recorder.make_room(message.cdr)
        sent = self._board.receive(message.topic, message.stamp_ns, message.received_ns)
        when = sent or self._latest
        self._recorder.write(
            message.topic,
            self._restored(message.cdr, sent),
            log_ns=when.on_timeline(message.received_ns),
            publish_ns=when.on_timeline(message.published_ns),
            frame=sent.index if sent else 0,
        )

    @staticmethod
    def _restored(cdr: bytes, sent: Sent | None) -> bytes:
        """The message with the stamp that its frame had in the bag."""
        if sent is None or sent.recorded_ns is None:
            return cdr
        return with_stamp(cdr, sent.source_stamp_ns)
