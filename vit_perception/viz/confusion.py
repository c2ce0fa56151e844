"""A confusion matrix as a picture: a row for each true class, shaded by where its answers went."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from vit_perception.viz.canvas import BACKGROUND, FAINT, GREEN, RED, TEXT, font, width

_CELL, _TEXT, _TITLE, _GAP = 46, 14, 20, 10


def draw_confusion(title: str, rows: Sequence[str], columns: Sequence[str], counts: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB.

    Args:
        title: in large letters.
        rows: names of the true classes, R.
        columns: names of the answers; the diagonal is what is right.
        counts: (R, C); what a cell shows is its percentage of its row.
    """
    left = round(max(width(name, _TEXT) for name in rows)) + 2 * _GAP
    top = round(max(width(name, _TEXT) for name in columns)) + _TITLE + 5 * _GAP
    right = max(left + _CELL * len(columns), round(width(title, _TITLE))) + 2 * _GAP
    image = Image.new("RGB", (right, top + _CELL * len(rows) + 2 * _GAP), BACKGROUND)
    draw = ImageDraw.Draw(image)
    draw.text((_GAP, _GAP), title, TEXT, font(_TITLE))
    for place, name in enumerate(columns):
        image.paste(
            _upright(name), (left + _CELL * place + (_CELL - 2 * _TEXT) // 2, top - _GAP // 2 - _length(name))
        )
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for row, name in enumerate(rows):
        middle = top + _CELL * row + _CELL // 2
        draw.text((left - _GAP, middle), name, TEXT, font(_TEXT), anchor="rm")
        for column, share in enumerate(shares[row].tolist()):
            x, y = left + _CELL * column, top + _CELL * row
            full = GREEN if row == column else RED
            colour = tuple(
                round(low + share * (high - low)) for low, high in zip((28, 31, 38), full, strict=True)
            )
            draw.rectangle((x, y, x + _CELL - 2, y + _CELL - 2), colour)
            if round(100 * share):
                ink = BACKGROUND if share > 0.5 else TEXT
                draw.text((x + _CELL // 2 - 1, middle), f"{100 * share:.0f}", ink, font(_TEXT), anchor="mm")
    return np.array(image)


def _length(name: str) -> int:
    return round(width(name, _TEXT)) + 2


def _upright(name: str) -> Image.Image:
    """A name that is read from below."""
    strip = Image.new("RGB", (_length(name), 2 * _TEXT), BACKGROUND)
    ImageDraw.Draw(strip).text((0, _TEXT), name, FAINT, font(_TEXT), anchor="lm")
    return strip.rotate(90, expand=True)
