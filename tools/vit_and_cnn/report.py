"""What the runs found, as tables and charts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vit_and_cnn.charts import Line, Panel, draw_panels
from vit_and_cnn.harm import STRENGTHS, UNITS
from vit_and_cnn.networks import NAMES, TITLES
from vit_and_cnn.plan import SIZE, SIZES
from vit_and_cnn.runs import STARTS
from vit_perception.viz.canvas import Colour

_SHORT = {"vit": "ViT", "cnn": "CNN"}
_COLOURS: dict[tuple[str, str], Colour] = {
    ("vit", "scratch"): (245, 200, 90),
    ("vit", "pretrained"): (247, 104, 104),
    ("cnn", "scratch"): (90, 210, 220),
    ("cnn", "pretrained"): (110, 140, 250),
}
_AT = SIZES.index(SIZE)

Runs = Sequence[Mapping[str, Any]]


def of(runs: Runs, network: str, start: str) -> list[Mapping[str, Any]]:
    """The runs of a network from a start, by seed."""
    found = [run for run in runs if (run["network"], run["start"]) == (network, start)]
    return sorted(found, key=lambda run: run["seed"])


def spread(values: Sequence[float], signed: bool = False) -> str:
    """`81.2 ± 0.9`: mean and standard deviation of the seeds; with one seed only the value."""
    mean = f"{np.mean(values):+.1f}" if signed else f"{np.mean(values):.1f}"
    return f"{mean} ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else mean


def tables(runs: Runs, costs: Mapping[str, Any]) -> Iterator[str]:
    """The lines of three tables: what each network costs, how often it is right, how often when harmed."""
    sizes = [f"{height}×{width}" for height, width in SIZES]
    yield from _table(
        ["network", "parameters", "multiply-accumulates", *(f"ms at {size}" for size in sizes)],
        [
            [
                TITLES[name],
                f"{costs[name]['parameters'] / 1e6:.2f} M",
                f"{costs[name]['macs'] / 1e6:.1f} M",
                *(f"{ms:.2f}" for ms in costs[name]["ms"]),
            ]
            for name in NAMES
        ],
    )
    yield ""
    rows = [
        [
            f"{_SHORT[name]}, {start}",
            *map(spread, zip(*(run["sizes"] for run in of(runs, name, start)), strict=True)),
        ]
        for start in STARTS
        for name in NAMES
    ]
    rows += [
        [f"ViT − CNN, {start}", *(spread(each, signed=True) for each in _differences(runs, start))]
        for start in STARTS
    ]
    yield from _table(["percent right", *sizes], rows)
    yield ""
    columns = [(kind, place) for kind, strengths in STRENGTHS.items() for place in range(len(strengths))]
    yield from _table(
        ["percent right", *(f"{kind} {STRENGTHS[kind][place]:g}" for kind, place in columns)],
        [
            [
                f"{_SHORT[name]}, {start}",
                *(
                    spread([run["harmed"][kind][place] for run in of(runs, name, start)])
                    for kind, place in columns
                ),
            ]
            for start in STARTS
            for name in NAMES
        ],
    )


def _differences(runs: Runs, start: str) -> Iterator[list[float]]:
    """Points that the ViT is ahead, for each size, seed by seed."""
    vit, cnn = (np.array([run["sizes"] for run in of(runs, name, start)]) for name in ("vit", "cnn"))
    yield from (vit - cnn).T.tolist()


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield "|---" * len(titles) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def draw(runs: Runs, costs: Mapping[str, Any], folder: Path) -> None:
    """Draw `curves.png`, `latency.png` and `robustness.png` into a folder."""
    groups = {f"{_SHORT[name]}, {start}": of(runs, name, start) for name, start in _COLOURS}
    colours = {f"{_SHORT[name]}, {start}": colour for (name, start), colour in _COLOURS.items()}

    def panel(title: str, unit: str, x: Any, values: Any) -> Panel:
        lines = {
            name: Line(x(group[0]), np.array([values(run) for run in group]).T)
            for name, group in groups.items()
        }
        return Panel(title, unit, lines)

    curves = panel(
        "percent right, pictures that choose",
        "steps",
        lambda run: [step for step, *_ in run["curve"]],
        lambda run: [right for *_, right in run["curve"]],
    )
    latency = panel(
        "percent right, pictures that report",
        "ms a picture, OpenVINO fp32",
        lambda run: costs[run["network"]]["ms"],
        lambda run: run["sizes"],
    )
    # Strength 0 is the picture as it is.
    harmed = [
        panel(
            kind,
            UNITS[kind],
            lambda run, kind=kind: [0, *STRENGTHS[kind]],
            lambda run, kind=kind: [run["sizes"][_AT], *run["harmed"][kind]],
        )
        for kind in STRENGTHS
    ]
    draw_panels([curves], colours, folder / "curves.png")
    draw_panels([latency], colours, folder / "latency.png")
    draw_panels(harmed, colours, folder / "robustness.png")
