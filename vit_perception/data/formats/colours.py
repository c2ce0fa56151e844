"""Masks whose colours stand for classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

# A place that no colour of a palette takes.
NO_COLOUR = -1


def classes_of_colours(mask: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Which colour of a palette each pixel has.

    Args:
        mask: (H, W, 3) uint8 red, green, blue.
        palette: (N, 3) uint8; no colour is there twice.

    Returns:
        (H, W) int64 places in the palette, -1 for other colours.
    """
    weights = np.array([1 << 16, 1 << 8, 1], np.int64)
    values, keys = mask.astype(np.int64) @ weights, palette.astype(np.int64) @ weights
    order = np.argsort(keys)
    found = np.minimum(np.searchsorted(keys[order], values), len(keys) - 1)
    places = order[found]
    return np.where(keys[places] == values, places, NO_COLOUR)


def read_label_map(file: Path) -> dict[str, tuple[int, int, int]]:
    """Name → colour of each class in a `labelmap.txt` of CVAT: lines `name:red,green,blue:parts:actions`.

    Raises:
        ValueError: a line is not of that form; the message names it.
    """
    colours: dict[str, tuple[int, int, int]] = {}
    for line, row in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        name, _, rest = row.partition(":")
        if not row.strip() or row.startswith("#") or name.strip() == "background":
            continue
        try:
            red, green, blue = (int(value) for value in rest.split(":")[0].split(","))
        except ValueError:
            red = green = blue = -1
        if not name.strip() or not all(0 <= value <= 255 for value in (red, green, blue)):
            raise ValueError(f"{file}:{line}: give NAME:RED,GREEN,BLUE:: with numbers from 0 to 255")
        colours[name.strip()] = red, green, blue
    return colours
