"""The outcome as tables."""

from __future__ import annotations

from collections.abc import Mapping

from vit_perception.chaos.run import Outcome


def table(outcome: Outcome) -> str:
    """What was done to the suite, what it did, and what is wrong, as Markdown."""
    faults = sum(outcome.faults.values())
    parts = [
        f"seed {outcome.seed}, {outcome.seconds:.0f} s, {faults} faults, {outcome.starts} processes",
        _rows("fault", outcome.faults),
        *(f"never: {name}, since {why}" for name, why in outcome.impossible.items()),
        _rows(
            "frames",
            {
                "sent, good": outcome.good_frames,
                "sent, bad": outcome.bad_frames,
                "good and answered": outcome.answered,
                **{f"of those the suite received: {name}": n for name, n in outcome.frames.items()},
            },
        ),
        _rows("reports on /diagnostics", outcome.levels),
        "memory by minute, MB: " + ", ".join(f"{megabytes:.0f}" for megabytes in outcome.memory_mb),
        _rows("wrong", outcome.problems) if outcome.problems else "nothing is wrong",
    ]
    return "\n\n".join(parts)


def _rows(title: str, counts: Mapping[str, int]) -> str:
    rows = [f"| {title} | times |", "|---|---|"]
    rows += [f"| {name} | {number} |" for name, number in sorted(counts.items())]
    return "\n".join(rows)
