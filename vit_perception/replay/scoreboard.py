"""Which frame has results on which topic, and after how long: the run's summary and its table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vit_perception.replay.sources import Frame


@dataclass
class Sent:
    """A published frame, identified by the stamp it was published with.

    Attributes:
        index: from 1.
        name: of the frame in its source.
        sent_ns: its stamp, in nanoseconds.
        source_stamp_ns: the stamp that it had in its source.
        recorded_ns: when the bag recorded it; None without a bag.
        missing: topics without a result for it so far, of those that must have one.
        unmeasured: topics without a result for it so far, of those in metres, if it came with depth.
        measurable: whether it came with all that these need.
    """

    index: int
    name: str
    sent_ns: int
    source_stamp_ns: int
    recorded_ns: int | None
    missing: set[str]
    unmeasured: set[str]
    measurable: bool

    @property
    def answered(self) -> bool:
        """Whether every expected topic has a result for it."""
        return not self.missing

    def on_timeline(self, nanoseconds: int) -> int:
        """A moment of the replay as a moment of the recording; itself where there is no recording."""
        if self.recorded_ns is None:
            return nanoseconds
        return self.recorded_ns + max(0, nanoseconds - self.sent_ns)


@dataclass
class _Topic:
    message_type: str
    received_ns: list[int] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        span_ns = self.received_ns[-1] - self.received_ns[0] if len(self.received_ns) > 1 else 0
        p50, p99 = np.percentile(self.latency_ms, (50, 99)) if self.latency_ms else (None, None)
        return {
            "type": self.message_type,
            "count": len(self.received_ns),
            "hz": round((len(self.received_ns) - 1) / span_ns * 1e9, 2) if span_ns else None,
            "latency_ms": {
                "p50": None if p50 is None else round(float(p50), 2),
                "p99": None if p99 is None else round(float(p99), 2),
            },
        }


class Scoreboard:
    """Counts frames sent and messages received.

    Args:
        types: topic → message type.
        expected: the topics that must carry a result for each frame.
        in_metres: those that carry one for a frame that comes with depth.
    """

    def __init__(self, types: dict[str, str], expected: Iterable[str], in_metres: Iterable[str] = ()) -> None:
        self._topics = {topic: _Topic(message_type) for topic, message_type in sorted(types.items())}
        self._expected = frozenset(expected)
        self._in_metres = frozenset(in_metres)
        self._sent: dict[int, Sent] = {}

    def send(self, frame: Frame, sent_ns: int, source_stamp_ns: int, measurable: bool = True) -> Sent:
        """Count a frame that is about to be published.

        Args:
            frame: from the source.
            sent_ns: the stamp that it gets.
            source_stamp_ns: the stamp that it had.
            measurable: whether it comes with all that topics in metres need.

        Raises:
            ValueError: another frame was sent with this stamp.
        """
        if sent_ns in self._sent:
            raise ValueError(f"two frames were published with the same stamp {sent_ns}")
        sent = Sent(
            len(self._sent) + 1,
            frame.name,
            sent_ns,
            source_stamp_ns,
            frame.recorded_ns,
            set(self._expected),
            set(self._in_metres) if measurable else set(),
            measurable,
        )
        self._sent[sent_ns] = sent
        return sent

    def receive(self, topic: str, stamp_ns: int | None, received_ns: int) -> Sent | None:
        """Count a message.

        Args:
            topic: that it came on.
            stamp_ns: of its header; None if it has none.
            received_ns: when it came.

        Returns:
            The frame that it is about; None for diagnostics and labels.
        """
        score = self._topics[topic]
        score.received_ns.append(received_ns)
        sent = self._sent.get(stamp_ns) if stamp_ns is not None else None
        if sent is not None:
            score.latency_ms.append((received_ns - sent.sent_ns) / 1e6)
            sent.missing.discard(topic)
            sent.unmeasured.discard(topic)
        return sent

    @property
    def frames_in(self) -> int:
        return len(self._sent)

    @property
    def names(self) -> list[str]:
        """Names of the frames, in the order they were sent."""
        return [sent.name for sent in self._sent.values()]

    @property
    def unanswered(self) -> list[Sent]:
        """The frames without a result on some expected topic."""
        return [sent for sent in self._sent.values() if not sent.answered]

    @property
    def without_depth(self) -> list[str]:
        """Names of the frames that came without what topics in metres need, where there are such topics."""
        return [sent.name for sent in self._sent.values() if self._in_metres and not sent.measurable]

    @property
    def unmeasured(self) -> dict[str, int]:
        """Topics in metres → for how many frames that came with depth they have no result, if for any."""
        counts = {
            topic: sum(topic in sent.unmeasured for sent in self._sent.values())
            for topic in sorted(self._in_metres)
        }
        return {topic: count for topic, count in counts.items() if count}

    def summary(self) -> dict[str, Any]:
        """`frames_in`, `frames_processed` (with a result on every expected topic), `dropped` and `topics`."""
        dropped = len(self.unanswered)
        return {
            "frames_in": self.frames_in,
            "frames_processed": self.frames_in - dropped,
            "dropped": dropped,
            "topics": {topic: score.summary() for topic, score in self._topics.items()},
        }


def table(summary: dict[str, Any]) -> str:
    """The topics of a summary as aligned columns, its notes, and a line on the frames."""

    def number(value: float | None, digits: int) -> str:
        return "-" if value is None else f"{value:.{digits}f}"

    rows = [("topic", "type", "count", "Hz", "p50 ms", "p99 ms")]
    for topic, score in summary["topics"].items():
        latency = score["latency_ms"]
        rows.append(
            (
                topic,
                score["type"].replace("/msg/", "/"),
                str(score["count"]),
                number(score["hz"], 1),
                number(latency["p50"], 1),
                number(latency["p99"], 1),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    answered = f"{summary['frames_processed']} of {summary['frames_in']} frames answered"
    made_with = f"{summary['model']} on {summary['engine']}, {summary['precision']}"
    notes = ["", *summary["notes"]] if summary["notes"] else []
    return "\n".join([*lines, *notes, "", f"{answered}, {summary['dropped']} dropped  ({made_with})"])
