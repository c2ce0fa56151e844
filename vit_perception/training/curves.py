"""The course of a run as one picture: losses above, metrics below."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from vit_perception.training.run_folder import SCORES
from vit_perception.viz.canvas import BACKGROUND, FAINT, TEXT, Colour, font

_WIDTH, _PANEL, _LEFT, _RIGHT, _TOP, _BOTTOM = 900, 360, 70, 190, 40, 30
_COLOURS: tuple[Colour, ...] = (
    (94, 214, 138),
    (247, 104, 104),
    (110, 170, 250),
    (245, 200, 90),
    (200, 140, 240),
    (90, 210, 220),
    (240, 150, 90),
    (190, 190, 190),
    (240, 130, 190),
)
# Points a line: more than the pixels are wide would only be noise.
_MOST_POINTS = 200

Lines = dict[str, list[tuple[float, float]]]


def draw_curves(entries: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Draw the log of a run as a PNG.

    Args:
        entries: lines of `log.jsonl`.
        path: of the picture.
    """
    losses: Lines = {}
    scores: Lines = {}
    for entry in entries:
        if SCORES in entry:
            for name, value in entry[SCORES].items():
                if "/" not in name:
                    scores.setdefault(name, []).append((entry["step"], value))
        else:
            for name, value in entry.items():
                if name != "step":
                    losses.setdefault(name, []).append((entry["step"], value))
    last = max((points[-1][0] for points in losses.values()), default=1)
    image = Image.new("RGB", (_WIDTH, 2 * _PANEL), BACKGROUND)
    draw = ImageDraw.Draw(image)
    _panel(draw, 0, "loss", {name: _thinned(points) for name, points in losses.items()}, last)
    _panel(draw, _PANEL, "percent, on the pictures that choose", scores, last)
    image.save(path)


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Means of so many neighbours that few points are left."""
    parts = np.array_split(np.array(points), min(len(points), _MOST_POINTS))
    return [(float(x), float(y)) for x, y in (part.mean(axis=0) for part in parts)]


def _panel(draw: ImageDraw.ImageDraw, top: int, title: str, lines: Lines, last: float) -> None:
    """Draw lines over the steps from 0 to `last`."""
    left, right = _LEFT, _WIDTH - _RIGHT
    upper, lower = top + _TOP, top + _PANEL - _BOTTOM
    draw.text((left, top + 10), title, TEXT, font(16))
    points = [point for line in lines.values() for point in line]
    highest = max((y for _, y in points), default=1.0) or 1.0
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = lower - share * (lower - upper)
        draw.line((left, y, right, y), FAINT if share == 0 else (43, 47, 58))
        draw.text((left - 8, y), f"{share * highest:.3g}", FAINT, font(12), anchor="rm")
        x = left + share * (right - left)
        draw.text((x, lower + 6), f"{share * last:.0f}", FAINT, font(12), anchor="ma")
    for place, (name, line) in enumerate(lines.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        placed = [
            (
                left + x / last * (right - left),
                lower - max(y, 0.0) / highest * (lower - upper),
            )
            for x, y in line
        ]
        if len(placed) == 1:
            placed = [(left, placed[0][1]), *placed]
        draw.line(placed, colour, 2)
        draw.text(
            (right + 12, upper + 20 * place), f"{name} {line[-1][1]:.3g}", colour, font(13), anchor="lm"
        )
