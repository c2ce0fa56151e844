"""When nodes are ready for a replay: every topic has carried a result for a probe, a grey frame.

Discovery shows in no other way: a node publishes nothing for a subscriber that it does not know yet. And an
engine compiles for each input size when the first such frame comes: a replay must not measure those seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.serialization import deserialize_message

from vit_perception.nodes.diagnostics import UNCONFIGURED, node_of
from vit_perception.nodes.outputs.topics import DIAGNOSTICS
from vit_perception.replay.session import Received, Session

_PROBE_SECONDS = 0.5


class NotReady(RuntimeError):
    """The nodes did not get ready in time; the message says what was missing."""


def wait_until_ready(
    session: Session,
    required: Iterable[str],
    sizes: Iterable[tuple[int, int]],
    timeout: float,
    check: Callable[[], None],
) -> list[Received]:
    """Wait until every topic of every node has carried a message, for probes of each size.

    Args:
        session: with the nodes.
        required: topics that must be there, beside those that the graph shows.
        sizes: (height, width) of the probes in pixels.
        timeout: seconds for all of it.
        check: called at least every second; may raise to stop waiting.

    Returns:
        Messages about no probe that came meanwhile, such as the latched labels.

    Raises:
        NotReady: the time is over, or a node reports that it could not be configured.
    """
    deadline = time.monotonic() + timeout
    wait = _Wait(session, frozenset(required))
    for size in sizes:
        wait.run(size, deadline, check)
    return wait.early


class _Wait:
    def __init__(self, session: Session, required: frozenset[str]) -> None:
        self._session = session
        self._required = required
        # Topics with a message, of those per frame with one about a probe of the size now sent.
        self._seen: set[str] = set()
        self.early: list[Received] = []

    def run(self, size: tuple[int, int], deadline: float, check: Callable[[], None]) -> None:
        session = self._session
        self._seen -= {topic.name for topic in session.topics.values() if topic.per_frame}
        while time.monotonic() < deadline:
            check()
            known = session.topics.keys() | self._required
            session.discover()
            if session.subscription_count >= len(session.nodes):
                session.probe(size)
            self._receive(size)
            # A topic that has just been found may not be the last one.
            if session.topics.keys() == known and not self._unseen() and not self._silent_nodes():
                return
        raise NotReady(f"the nodes did not get ready in time: {self._missing()}")

    def _receive(self, size: tuple[int, int]) -> None:
        for message in self._session.all_messages(time.monotonic() + _PROBE_SECONDS):
            probed = self._session.probe_size(message)
            if probed == size or not self._session.topics[message.topic].per_frame:
                self._seen.add(message.topic)
            if probed is None:
                _raise_failure(message)
                self.early.append(message)

    def _unseen(self) -> set[str]:
        return self._session.topics.keys() - self._seen

    def _silent_nodes(self) -> list[str]:
        return [node for node in self._session.nodes if not self._session.published_by(node)]

    def _missing(self) -> str:
        session = self._session
        if silent := self._silent_nodes():
            return f"no outputs from {', '.join(silent)}"
        subscribed = session.subscription_count
        if subscribed < len(session.nodes):
            return f"{subscribed} of {len(session.nodes)} nodes subscribed to {session.image.name}"
        absent = self._unseen() | (self._required - session.topics.keys())
        return f"nothing came on {', '.join(sorted(absent))}"


def _raise_failure(message: Received) -> None:
    """NotReady if a node reports that it will never be ready."""
    if message.topic != DIAGNOSTICS:
        return
    for status in deserialize_message(message.cdr, DiagnosticArray).status:
        if status.level == DiagnosticStatus.ERROR and status.message.startswith(UNCONFIGURED):
            raise NotReady(f"node {node_of(status)} {status.message}")
