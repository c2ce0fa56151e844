"""Pictures of surfaces, drawn from a material's pattern and its two colours. Each repeats without a seam."""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.sim.world import Material

# Pixels of a side.
_SIDE = 128
# How much the two colours of a grain, and of one plank and the next, differ, from 0 to 1.
_GRAIN, _BOARDS = 0.35, 0.6


def draw_texture(rng: np.random.Generator, material: Material) -> np.ndarray:
    """(128, 128, 3) uint8 RGB of one repetition of a material's pattern."""
    share = np.clip(_PATTERNS[material.pattern](rng), 0, 1)[..., None]
    first, second = (np.array(colour) for colour in material.colours)
    return np.round(255 * np.clip(first + share * (second - first), 0, 1)).astype(np.uint8)


def _plain(rng: np.random.Generator) -> np.ndarray:
    """A painted surface, with faint stains."""
    return 0.5 * _clouds(rng, 4)


def _planks(rng: np.random.Generator) -> np.ndarray:
    """Four boards with grain along x, each with an end somewhere."""
    boards, width = 4, _SIDE // 4
    grain = cv2.resize(_clouds(rng, 64)[:, :8].copy(), (_SIDE, _SIDE))
    found = _GRAIN * grain
    for board in range(boards):
        rows = slice(board * width, (board + 1) * width)
        found[rows] += _BOARDS * rng.random()
        found[rows.start] = 1
        found[rows, int(rng.integers(_SIDE))] = 1
    return found


def _tiles(rng: np.random.Generator) -> np.ndarray:
    """Two by two tiles with joints."""
    found = 0.3 * _clouds(rng, 8)
    half = _SIDE // 2
    for row in (0, half):
        for column in (0, half):
            found[row : row + half, column : column + half] += 0.25 * rng.random()
        found[row : row + 2] = 1
        found[:, row : row + 2] = 1
    return found


def _bricks(rng: np.random.Generator) -> np.ndarray:
    """Eight courses of bricks, every other one by half a brick aside."""
    found = 0.2 * _clouds(rng, 16)
    height, width = _SIDE // 8, _SIDE // 4
    for course in range(8):
        rows = slice(course * height, (course + 1) * height)
        shift = width // 2 * (course % 2)
        for column in range(4):
            places = (np.arange(width) + column * width + shift) % _SIDE
            found[rows, places] += 0.4 * rng.random()
            found[rows, places[:2]] = 1
        found[rows.start : rows.start + 2] = 1
    return found


def _speckle(rng: np.random.Generator) -> np.ndarray:
    """Carpet, grass, gravel, concrete: grains of all sizes."""
    return 0.5 * _clouds(rng, 8) + 0.3 * _clouds(rng, 32) + 0.4 * (rng.random((_SIDE, _SIDE)) - 0.25)


def _stripes(rng: np.random.Generator) -> np.ndarray:
    """Bands across x."""
    bands = int(rng.integers(2, 6))
    return np.tile(np.arange(_SIDE) * bands * 2 // _SIDE % 2, (_SIDE, 1)).astype(float)


def _clouds(rng: np.random.Generator, cells: int) -> np.ndarray:
    """(128, 128) 0 to 1, smooth over a cell of `cells` a side, the same at opposite edges."""
    small = np.pad(rng.random((cells, cells)), 2, mode="wrap")
    scale = _SIDE // cells
    large = cv2.resize(small, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return large[2 * scale : 2 * scale + _SIDE, 2 * scale : 2 * scale + _SIDE].clip(0, 1)


_PATTERNS = {
    "plain": _plain,
    "planks": _planks,
    "tiles": _tiles,
    "bricks": _bricks,
    "speckle": _speckle,
    "stripes": _stripes,
}
