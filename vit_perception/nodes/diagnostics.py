"""The message of a node on /diagnostics."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from vit_perception.nodes.statistics import Snapshot

UNCONFIGURED = "could not be configured"
# After the node's name in that of a status.
SUBJECT = ": perception"


@dataclass(frozen=True)
class Report:
    """The state of a node at one moment.

    Attributes:
        node: full name.
        state: of its life cycle.
        failure: why it could not be configured; empty if it could.
        progress: the step of configuring that is under way; empty if none is.
        warnings: what is wrong otherwise, the most important first.
        facts: model, engine and the like, by name.
        snapshot: counts and times.
    """

    node: str
    state: str
    failure: str
    progress: str
    warnings: Sequence[str]
    facts: Mapping[str, str]
    snapshot: Snapshot


def status(report: Report) -> DiagnosticStatus:
    """The report as a message: ERROR if something failed, WARN if the node is not active or anything else is
    wrong."""
    level, message = _level_and_message(report)
    values = {"state": report.state, **report.facts, **_numbers(report.snapshot)}
    return DiagnosticStatus(
        level=level,
        name=f"{report.node.lstrip('/')}{SUBJECT}",
        message=message,
        hardware_id=socket.gethostname(),
        values=[KeyValue(key=key, value=value) for key, value in values.items()],
    )


def node_of(status: DiagnosticStatus) -> str:
    """Full name of the node that a status is about."""
    return f"/{status.name.removesuffix(SUBJECT)}"


def _level_and_message(report: Report) -> tuple[bytes, str]:
    if report.failure:
        return DiagnosticStatus.ERROR, f"{UNCONFIGURED}: {report.failure}"
    if report.progress:
        return DiagnosticStatus.WARN, report.progress
    if report.snapshot.new_error:
        return DiagnosticStatus.ERROR, f"a frame failed: {report.snapshot.new_error}"
    if report.state != "active":
        return DiagnosticStatus.WARN, f"the node is {report.state}: {_remedy(report)}"
    if report.warnings:
        return DiagnosticStatus.WARN, "; ".join(report.warnings)
    throttled = report.snapshot.window.throttled / report.snapshot.seconds
    more = f", {throttled:.1f} more are above max_rate" if throttled else ""
    return DiagnosticStatus.OK, f"{report.snapshot.output_hz:.1f} frames a second{more}"


def _remedy(report: Report) -> str:
    steps = {"unconfigured": "configure", "inactive": "activate"}
    step = steps.get(report.state)
    return f"ros2 lifecycle set {report.node} {step}" if step else "start it again"


def _numbers(snapshot: Snapshot) -> dict[str, str]:
    age = snapshot.frame_age
    total = snapshot.total
    return {
        "input_hz": f"{snapshot.input_hz:.2f}",
        "output_hz": f"{snapshot.output_hz:.2f}",
        "newest_frame_age_s": "" if age is None else f"{age:.3f}",
        "frames_received": str(total.received),
        "frames_processed": str(total.processed),
        "frames_dropped": str(total.dropped),
        "frames_throttled": str(total.throttled),
        "frames_overtaken": str(total.overtaken),
        "frames_stale": str(total.stale),
        "frames_unsubscribed": str(total.unsubscribed),
        "frames_lost": str(total.lost),
        "errors": str(total.errors),
        "last_error": snapshot.last_error,
        **{f"{stage}_ms": f"{milliseconds:.2f}" for stage, milliseconds in snapshot.stage_ms.items()},
    }
