"""What many drives amount to: figures for each condition, how sure they are, and a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from vit_perception.sim.driving.episode import Episode

# Of the bootstrap (Efron 1979): so many times as many worlds are drawn, with repeats; the interval holds this
# share of the figures of those.
_DRAWS, _SHARE = 2000, 0.95

# (N, 5) of drives: success, SPL, metres, collisions, seconds.
Rows = np.ndarray


def _metres_per_collision(rows: Rows) -> float:
    # Without a collision, all metres: it is at least that many.
    return float(rows[:, 2].sum() / max(1.0, rows[:, 3].sum()))


FIGURES: dict[str, Callable[[Rows], float]] = {
    "success": lambda rows: float(rows[:, 0].mean()),
    "spl": lambda rows: float(rows[:, 1].mean()),
    "metres_per_collision": _metres_per_collision,
    "seconds": lambda rows: float(rows[:, 4].mean()),
}

# Condition → policy → its drives.
Drives = Mapping[str, Mapping[str, Sequence[Episode]]]


def figures(episodes: Sequence[Episode]) -> dict[str, Any]:
    """The figures of one policy under one condition; fractions from 0 to 1.

    `intervals` has the 95 % interval of each, by a bootstrap over worlds.
    """
    rows = np.array([(e.success, e.spl, e.driven, e.collisions, e.seconds) for e in episodes], float)
    random = np.random.default_rng(0)
    draws = [rows[random.integers(0, len(rows), len(rows))] for _ in range(_DRAWS)]
    edges = 100 * (1 - _SHARE) / 2, 100 * (1 + _SHARE) / 2
    return {
        "worlds": len(rows),
        **{name: round(figure(rows), 4) for name, figure in FIGURES.items()},
        "collisions": int(rows[:, 3].sum()),
        "metres": round(float(rows[:, 2].sum()), 1),
        "intervals": {
            name: [round(float(edge), 4) for edge in np.percentile([figure(draw) for draw in draws], edges)]
            for name, figure in FIGURES.items()
        },
    }


def summary(drives: Drives, judged: str) -> dict[str, Any]:
    """The content of summary.json: the figures of the policy `judged` on top, then those of all."""
    found = {
        condition: {policy: figures(episodes) for policy, episodes in policies.items() if episodes}
        for condition, policies in drives.items()
    }
    return {
        "policy": judged,
        "conditions": {name: policies[judged] for name, policies in found.items() if judged in policies},
        "policies": {
            policy: {name: policies[policy] for name, policies in found.items() if policy in policies}
            for policy in dict.fromkeys(policy for policies in found.values() for policy in policies)
        },
    }


def table(results: Mapping[str, Any]) -> str:
    """A Markdown table of a summary."""
    lines = [
        "| condition | policy | worlds | success | SPL | metres a collision | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    conditions = dict.fromkeys(name for found in results["policies"].values() for name in found)
    for condition in conditions:
        for policy, found in results["policies"].items():
            if condition in found:
                lines.append(f"| {condition} | {policy} | {_cells(found[condition])} |")
    return "\n".join(lines)


def _cells(found: Mapping[str, Any]) -> str:
    low, high = found["intervals"]["success"]
    spl_low, spl_high = found["intervals"]["spl"]
    least = "" if found["collisions"] else "> "
    return " | ".join(
        (
            str(found["worlds"]),
            f"{100 * found['success']:.0f} % ({100 * low:.0f} to {100 * high:.0f})",
            f"{found['spl']:.2f} ({spl_low:.2f} to {spl_high:.2f})",
            f"{least}{found['metres_per_collision']:.0f}",
            f"{found['seconds']:.0f}",
        )
    )
