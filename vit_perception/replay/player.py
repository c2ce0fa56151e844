"""Frame after frame to the nodes, answers into the bag and onto the scoreboard."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from vit_perception.replay.cdr import stamp_ns, with_stamp
from vit_perception.replay.recorder import Recorder
from vit_perception.replay.scoreboard import Scoreboard, Sent
from vit_perception.replay.session import Answer, Session
from vit_perception.replay.sources import Frame

_LOG = logging.getLogger(__name__)

# How long a frame may stay unanswered in lockstep, and how long the last answers may take to come.
ANSWER_SECONDS = 30.0
# How long one wait lasts before looking at the processes again.
_SLICE_SECONDS = 0.2


class Player:
    """Plays frames through a ready `session`.

    Nodes see each frame stamped with the moment of its publication, so that the time to an answer
    can be measured. The recording of a bag gets its own time back: original stamps, and log times
    as if the nodes had run while the bag was recorded, so that both play side by side.

    check: called now and then, raises when a node has died or the user wants to stop; early: what the
    nodes said before the first frame.
    """

    def __init__(
        self,
        session: Session,
        recorder: Recorder,
        board: Scoreboard,
        check: Callable[[], None],
        early: Iterable[Answer],
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
            self._listen(time.monotonic() + ANSWER_SECONDS, sent)
            if not sent.answered:
                missing = ", ".join(sorted(sent.missing))
                _LOG.warning(
                    "frame %s was not answered on %s within %.0f s", sent.name, missing, ANSWER_SECONDS
                )
            progress()

    def real_time(self, frames: Iterable[Frame], hz: float, progress: Callable[[], object]) -> None:
        """Send `hz` frames a second, whatever comes back, then wait for the last answers."""
        start = time.monotonic()
        for index, frame in enumerate(frames):
            self._listen(start + index / hz, None)
            self._send(frame)
            progress()
        # The newest frame is never overtaken, so once it is answered no older one will be.
        if self._latest is not None:
            self._listen(time.monotonic() + ANSWER_SECONDS, self._latest)

    def _send(self, frame: Frame) -> Sent:
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

    def _listen(self, until: float, wanted: Sent | None) -> None:
        """Record answers until the monotonic clock says `until`, or `wanted` is answered."""
        while wanted is None or not wanted.answered:
            self._check()
            now = time.monotonic()
            for answer in self._session.answers(min(until, now + _SLICE_SECONDS)):
                self._record(answer)
                if wanted is not None and wanted.answered:
                    return
            if now >= until:
                return

    def _record(self, answer: Answer) -> None:
        sent = self._board.receive(answer.topic, answer.stamp_ns, answer.received_ns)
        when = sent or self._latest
        assert when is not None  # nothing is recorded before the first frame is sent
        self._recorder.write(
            answer.topic,
            self._restored(answer.cdr, sent),
            log_ns=when.on_timeline(answer.received_ns),
            publish_ns=when.on_timeline(answer.published_ns),
            frame=sent.index if sent else 0,
        )

    @staticmethod
    def _restored(cdr: bytes, sent: Sent | None) -> bytes:
        if sent is None or sent.recorded_ns is None:
            return cdr
        return with_stamp(cdr, sent.source_stamp_ns)
