"""Sends frame after frame to the nodes; their messages go into the bag and onto the scoreboard."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from vit_perception.nodes.outputs.topics import TOPICS
from vit_perception.replay.cdr import stamp_ns, with_stamp, with_stamps
from vit_perception.replay.recorder import Recorder
from vit_perception.replay.scoreboard import Scoreboard, Sent
from vit_perception.replay.session import Received, Session, needs_more
from vit_perception.replay.sources import Frame
from vit_perception.replay.sources.beside import DEPTH_INPUTS, GOAL
from vit_perception.replay.sources.waiting import MOVES, Message

_LOG = logging.getLogger(__name__)

# How long lockstep waits for a frame's results, and real time for the last ones.
RESULT_SECONDS = 30.0
# How long they wait beyond that for what is in metres: until a report on /diagnostics has said why it does
# not come. The frames after one that has waited in vain do not wait for it.
MEASURED_SECONDS = 3.0
# A gap of a bag is not waited for longer than this.
_LONGEST_NS = 1_000_000_000
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
        depth_tolerance: seconds that a frame and its depth may be apart; None: the nodes need no depth.
    """

    def __init__(
        self,
        session: Session,
        recorder: Recorder,
        board: Scoreboard,
        check: Callable[[], None],
        early: Iterable[Received],
        depth_tolerance: float | None = None,
    ) -> None:
        self._session = session
        self._image_topic = session.image.name
        self._recorder = recorder
        self._board = board
        self._check = check
        self._early = list(early)
        self._latest: Sent | None = None
        self._tolerance_ns = None if depth_tolerance is None else 1e9 * depth_tolerance
        # Whether what is in metres came for the last frame that it was awaited for, or has come since.
        self._measures = True

    def lockstep(self, frames: Iterable[Frame], progress: Callable[[], object]) -> None:
        """Send a frame when the last one is answered on every topic, or has not been for too long.

        Frames with anything beside them follow each other no faster than they were recorded: by their stamps,
        the nodes would take the depth of another frame.
        """
        for frame in frames:
            if frame.beside and self._latest is not None:
                apart = min(stamp_ns(frame.cdr) - self._latest.source_stamp_ns, _LONGEST_NS)
                early = self._latest.sent_ns + apart - time.time_ns()
                self._receive(time.monotonic() + early / 1e9, lambda: False)
            sent = self._send(frame)
            self._await_results(sent)
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
            self._receive(start + index / hz, lambda: False)
            self._send(frame)
            progress()
        # Nodes drop older frames for the newest: once that is answered, no older one will be.
        if self._latest is not None:
            self._await_results(self._latest)

    def _send(self, frame: Frame) -> Sent:
        self._recorder.make_room(frame.cdr)  # before it is counted
        stamp = self._session.new_stamp()
        before = self._latest
        sent = self._board.send(frame, stamp, stamp_ns(frame.cdr), self._is_measurable(frame))
        self._latest = sent
        for message in frame.beside:
            self._session.publish_beside(message.name, _moved(message, sent, before))
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

    def _is_measurable(self, frame: Frame) -> bool:
        return self._tolerance_ns is None or any(
            message.name in DEPTH_INPUTS
            and abs(stamp_ns(message.cdr) - stamp_ns(frame.cdr)) <= self._tolerance_ns
            for message in frame.beside
        )

    def _await_results(self, sent: Sent) -> None:
        """Record messages until a frame is answered, also in metres if it can be, or has not been for too
        long."""
        self._receive(time.monotonic() + RESULT_SECONDS, lambda: sent.answered)
        if self._measures and sent.unmeasured:
            self._receive(time.monotonic() + MEASURED_SECONDS, lambda: not sent.unmeasured)
            self._measures = not sent.unmeasured

    def _receive(self, until: float, done: Callable[[], bool]) -> None:
        """Record messages until the monotonic clock says `until`, or all is there."""
        while not done():
            self._check()
            now = time.monotonic()
            for message in self._session.messages(min(until, now + _SLICE_SECONDS)):
                self._record(message)
                if done():
                    return
            if now >= until:
                return

    def _record(self, message: Received) -> None:
        if self._latest is None:  # nothing is recorded before the first frame is sent
            self._early.append(message)
            return
        self._recorder.make_room(message.cdr)
        sent = self._board.receive(message.topic, message.stamp_ns, message.received_ns)
        self._measures |= sent is not None and needs_more(message.topic)
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


def _moved(message: Message, sent: Sent, before: Sent | None) -> bytes:
    """A message beside a frame, its stamps as far from the frame's as they were recorded.

    What moves goes on with time: where frames follow each other faster than they were recorded, so does what
    is between them.
    """
    pace = 1.0
    if message.name in MOVES and before is not None:
        recorded = sent.source_stamp_ns - before.source_stamp_ns
        if recorded > 0:
            pace = min(1.0, (sent.sent_ns - before.sent_ns) / recorded)

    def moment(stamp: int) -> int:
        if message.name == GOAL and not stamp:  # it says no time
            return 0
        return max(0, sent.sent_ns + round(pace * (stamp - sent.source_stamp_ns)))

    return with_stamps(message.cdr, TOPICS[message.name].message_type, moment)
