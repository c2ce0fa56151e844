"""What a node says on /diagnostics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from vit_perception.nodes.statistics import Snapshot

TOPIC = "/diagnostics"
UNCONFIGURED = "could not be configured"


@dataclass(frozen=True)
class Report:
    """The state of a node at one moment.

    node: its full name; state: of its life cycle; failure: why it could not be configured; step: what being
    configured waits for; silence:
    why no frame arrives; slowness: why answers come late; each empty if all is well. facts: model, engine
    and the like.
    """

    node: str
    state: str
    failure: str
    step: str
    silence: str
    slowness: str
    facts: Mapping[str, str]
    snapshot: Snapshot


def status(report: Report) -> DiagnosticStatus:
    """The report as a message: ERROR if something failed, WARN if the node gets or does nothing."""
    level, message = _verdict(report)
    values = {"state": report.state, **report.facts, **_numbers(report.snapshot)}
    return DiagnosticStatus(
        level=level,
        name=f"{report.node.lstrip('/')}: perception",
        message=message,
        hardware_id=report.node,
        values=[KeyValue(key=key, value=value) for key, value in values.items()],
    )


def _verdict(report: Report) -> tuple[bytes, str]:
    if report.failure:
        return DiagnosticStatus.ERROR, f"{UNCONFIGURED}: {report.failure}"
    if report.step:
        return DiagnosticStatus.WARN, report.step
    if report.snapshot.new_error:
        return DiagnosticStatus.ERROR, f"a frame failed: {report.snapshot.new_error}"
    if report.state != "active":
        return DiagnosticStatus.WARN, f"the node is {report.state}: {_remedy(report)}"
    if report.silence:
        return DiagnosticStatus.WARN, report.silence
    if report.slowness:
        return DiagnosticStatus.WARN, report.slowness
    return DiagnosticStatus.OK, f"{report.snapshot.output_hz:.1f} frames a second"


def _remedy(report: Report) -> str:
    steps = {"unconfigured": "configure", "inactive": "activate"}
    step = steps.get(report.state)
    return f"ros2 lifecycle set {report.node} {step}" if step else "start it again"


def _numbers(snapshot: Snapshot) -> dict[str, str]:
    age = snapshot.frame_age
    return {
        "input_hz": f"{snapshot.input_hz:.2f}",
        "output_hz": f"{snapshot.output_hz:.2f}",
        "newest_frame_age_s": "" if age is None else f"{age:.3f}",
        "frames_received": str(snapshot.received),
        "frames_processed": str(snapshot.processed),
        "frames_dropped": str(snapshot.dropped),
        "errors": str(snapshot.errors),
        "last_error": snapshot.last_error,
        **{f"{stage}_ms": f"{milliseconds:.2f}" for stage, milliseconds in snapshot.stage_ms.items()},
    }
