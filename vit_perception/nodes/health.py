"""Whether results leave the node as often and as fresh as they should, by its statistics."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import fields

from vit_perception.nodes.settings import Settings
from vit_perception.nodes.statistics import Counts, Snapshot

# Windows that the rate is judged by, so that one slow frame, or a camera of 1 Hz, is no reason for a warning.
_WINDOWS = 5
# Frames in them from which on the rate says something.
_FEWEST = 5
# Results that `min_rate` must ask for in them to be judged; rarer ones are by the time without any.
_FEWEST_BY_RATE = 2
# Share of the frames to be answered where `min_rate` is not given.
_LEAST_SHARE = 0.5
# Seconds without a result, while frames arrive, after which that is a warning.
_SILENT_SECONDS = 2.0
# Why a frame was not answered, by the name of its count.
_REASONS = {
    "throttled": "above max_rate",
    "overtaken": "overtaken by newer ones",
    "stale": "dropped since they would have had to wait",
    "lost": "lost on the way to the node",
    "errors": "failed",
}


class Health:
    """Judges one snapshot a second of a node that is active."""

    def __init__(self) -> None:
        self._snapshots: deque[Snapshot] = deque(maxlen=_WINDOWS)

    def warnings(self, snapshot: Snapshot, settings: Settings, work: str) -> list[str]:
        """What is wrong with the results, the most important first.

        Args:
            work: what the worker does at the moment, for the reason; empty while it waits.
        """
        self._snapshots.append(snapshot)
        found = _none_leave(snapshot, settings.min_rate, work) or self._too_few(settings)
        return [warning for warning in (found, _age(snapshot, settings.max_age_ms)) if warning]

    def _too_few(self, settings: Settings) -> str:
        """That results come too rarely."""
        seconds = sum(snapshot.seconds for snapshot in self._snapshots)
        counts = _sum(snapshot.window for snapshot in self._snapshots)
        sent = counts.received + counts.lost
        wanted = settings.min_rate
        if wanted:
            judged = len(self._snapshots) == _WINDOWS and wanted * seconds >= _FEWEST_BY_RATE
        else:
            due = sent - counts.throttled - counts.unsubscribed - counts.errors
            judged = due >= _FEWEST
            wanted = _LEAST_SHARE * min(due / seconds, settings.max_rate or float("inf"))
        if not judged or counts.processed >= wanted * seconds:
            return ""
        reasons = ", ".join(
            f"{number / seconds:.1f} {reason}"
            for name, reason in _REASONS.items()
            if (number := getattr(counts, name))
        )
        rate = f"{counts.processed / seconds:.1f} of {sent / seconds:.1f} frames a second are answered"
        remedy = "" if settings.min_rate else ": disable some tasks, or set min_rate to what is enough"
        return f"{rate}{f' ({reasons})' if reasons else ''}, fewer than {wanted:.1f}{remedy}"


def _none_leave(snapshot: Snapshot, min_rate: float, work: str) -> str:
    enough = _FEWEST_BY_RATE / min_rate if min_rate else 0.0
    if snapshot.silent_seconds < max(_SILENT_SECONDS, enough):
        return ""
    reason = work or "no thread takes them"
    return f"frames arrive, and none has left for {snapshot.silent_seconds:.0f} s: {reason}"


def _age(snapshot: Snapshot, max_ms: float) -> str:
    """That results are too old, and whether the node or the stamps are to blame."""
    age = snapshot.stage_ms.get("latency")
    if not max_ms or age is None or abs(age) <= max_ms:
        return ""
    on_arrival = age - snapshot.stage_ms["response"]
    remedy = "synchronise the clocks, or set use_sim_time where /clock is published"
    if on_arrival < -max_ms:
        return f"the stamps of frames are {_duration(-on_arrival)} ahead of the node's clock: {remedy}"
    if on_arrival > max_ms:
        return f"frames are {_duration(on_arrival)} old by their stamps when they arrive: {remedy}"
    return f"results are {_duration(age)} old, more than max_age_ms {max_ms:g}"


def _duration(milliseconds: float) -> str:
    seconds = milliseconds / 1e3
    for unit, length in (("days", 86_400), ("hours", 3_600), ("s", 1)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{milliseconds:.0f} ms"


def _sum(windows: Iterable[Counts]) -> Counts:
    found = list(windows)
    names = [field.name for field in fields(Counts)]
    return Counts(**{name: sum(getattr(each, name) for each in found) for name in names})
