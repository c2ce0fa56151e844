"""Lines with spread, side by side in panels, as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from vit_perception.viz.canvas import BACKGROUND, FAINT, PLATE, TEXT, Colour, font

_WIDTH, _HEIGHT = 330, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 14, 34, 46
_LEGEND, _ROW = 50, 22


@dataclass(frozen=True)
class Line:
    """A line of a panel.

    Attributes:
        x: (N,) places.
        values: (N, R) values of each repetition; the line is their mean, the bars go from least to most.
    """

    x: Sequence[float]
    values: np.ndarray


@dataclass(frozen=True)
class Panel:
    """Lines over one axis.

    Attributes:
        title: above it.
        unit: of the axis.
        lines: by name.
    """

    title: str
    unit: str
    lines: dict[str, Line]


def draw_panels(panels: Sequence[Panel], colours: dict[str, Colour], path: Path) -> None:
    """Draw panels side by side on one scale of values, with a legend below.

    Args:
        panels: from left to right.
        colours: of the lines, by name.
        path: of the PNG.
    """
    values = np.concatenate([line.values.ravel() for panel in panels for line in panel.lines.values()])
    low, high = 10 * np.floor(values.min() / 10), 10 * np.ceil((values.max() + 0.1) / 10)
    image = Image.new("RGB", (_WIDTH * len(panels), _HEIGHT + _LEGEND), BACKGROUND)
    draw = ImageDraw.Draw(image)
    for place, panel in enumerate(panels):
        _draw(draw, _WIDTH * place, panel, colours, (float(low), float(high)))
    x, y = _LEFT, _HEIGHT + 10
    for name, colour in colours.items():
        width = 40 + int(font(13).getlength(name))
        if x + width > image.width:
            x, y = _LEFT, y + _ROW
        draw.line((x, y, x + 18, y), colour, 3)
        draw.text((x + 24, y), name, colour, font(13), anchor="lm")
        x += width
    image.convert("P", palette=Image.Palette.ADAPTIVE, colors=32).save(path, optimize=True)


def _draw(
    draw: ImageDraw.ImageDraw,
    offset: int,
    panel: Panel,
    colours: dict[str, Colour],
    scale: tuple[float, float],
) -> None:
    left, right, upper, lower = offset + _LEFT, offset + _WIDTH - _RIGHT, _TOP, _HEIGHT - _BOTTOM
    places = [x for line in panel.lines.values() for x in line.x]
    first, last = min(places), max(places)

    def at(x: float, value: float) -> tuple[float, float]:
        share = (x - first) / (last - first)
        height = (value - scale[0]) / (scale[1] - scale[0])
        return left + share * (right - left), lower - height * (lower - upper)

    draw.text((left, upper - 18), panel.title, TEXT, font(14), anchor="lm")
    for value in np.arange(scale[0], scale[1] + 1, 10):
        y = at(first, value)[1]
        draw.line((left, y, right, y), PLATE)
        draw.text((left - 6, y), f"{value:g}", FAINT, font(11), anchor="rm")
    for share in (0.0, 0.5, 1.0):
        x = first + share * (last - first)
        anchor = {0.0: "la", 0.5: "ma", 1.0: "ra"}[share]
        text = f"{x:.3g}" if x < 100 else f"{x:.0f}"
        draw.text((at(x, 0)[0], lower + 5), text, FAINT, font(11), anchor=anchor)
    draw.text(((left + right) / 2, lower + 28), panel.unit, FAINT, font(12), anchor="mm")
    for name, line in panel.lines.items():
        means = line.values.mean(axis=1)
        points = [at(x, mean) for x, mean in zip(line.x, means, strict=True)]
        draw.line(points, colours[name], 2)
        for x, repetitions in zip(line.x, line.values, strict=True):
            draw.line((*at(x, repetitions.min()), *at(x, repetitions.max())), colours[name], 1)
