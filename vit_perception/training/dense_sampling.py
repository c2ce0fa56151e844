"""What the cells of a student see in dense labels, whatever was done to the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vit_perception.data.dense import NO_CLASS, Dense

# A cell learns the box of a detector that has more than this for a class.
LEAST_BOXED = 0.1


@dataclass(frozen=True)
class Tile:
    """A picture with dense labels, as it lies in a view.

    Attributes:
        dense: in pixels of the picture.
        scale: (2,) view pixels for one pixel of the picture along x and y; x is negative if it is mirrored.
        shift: (2,) x and y of the picture's first corner in the view.
        region: x_min, y_min, x_max, y_max of the part of the view that shows it.
    """

    dense: Dense
    scale: np.ndarray
    shift: np.ndarray
    region: tuple[float, float, float, float]

    def moved(self, x: int, y: int) -> Tile:
        """The same in a larger view, in which this one begins at x, y."""
        x0, y0, x1, y1 = self.region
        return replace(self, shift=self.shift + np.array([x, y]), region=(x0 + x, y0 + y, x1 + x, y1 + y))

    def place(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes (N, 4) of the picture in the view, clipped to the region."""
        corners = boxes.reshape(-1, 2, 2) * self.scale + self.shift
        boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        return np.clip(boxes, self.region[:2] * 2, self.region[2:] * 2).astype(np.float32)


@dataclass(frozen=True)
class Sampled:
    """K cells of a student that see something.

    Attributes:
        cells: (K,) int64 places among all cells, level by level in raster order.
        boxes: (K, 4) float32 in pixels of the view.
        class_ids: (K, N) int64, 255 for none.
        scores: (K, N) float32.
        boxed: (K,) bool, whether the cell learns its box.
    """

    cells: np.ndarray
    boxes: np.ndarray
    class_ids: np.ndarray
    scores: np.ndarray
    boxed: np.ndarray


def grid_sizes(size: tuple[int, int], strides: Sequence[float]) -> list[tuple[int, int]]:
    """Rows and columns of the student's levels over an input of `size` (height, width)."""
    return [(int(np.ceil(size[0] / stride)), int(np.ceil(size[1] / stride))) for stride in strides]


def sample(tiles: Sequence[Tile], size: tuple[int, int], strides: Sequence[float]) -> list[Sampled]:
    """For each tile, the student's cells that see something in it.

    A grid of the detector is seen by the level of the student whose cells have about the same size in the
    view. A cell of this level takes the detector's cell in which its centre lies; of several grids, the one
    with the higher score. All other cells see nothing.

    Args:
        tiles: of the view.
        size: height and width of the view.
        strides: of the student's levels, in pixels of the view.
    """
    centres = [
        (np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2) + 0.5) * stride
        for (rows, columns), stride in zip(grid_sizes(size, strides), strides, strict=True)
    ]
    return [_sample(tile, centres, np.array(strides)) for tile in tiles]


def _sample(tile: Tile, centres: Sequence[np.ndarray], strides: np.ndarray) -> Sampled:
    dense = tile.dense
    extent = np.sqrt((dense.strides * np.abs(tile.scale)).prod(axis=1))
    level_of = np.abs(np.log(extent[:, None] / strides)).argmin(axis=1)
    # The last one stands for nothing.
    certainty = np.append(dense.scores.max(axis=1, initial=0), 0)
    nothing = len(certainty) - 1
    table = _places(dense)
    cells, chosen, first = [], [], 0
    for level, points in enumerate(centres):
        inside = _inside(points, tile.region)
        sources = (points[inside] - tile.shift) / tile.scale - dense.origin
        best = np.full(len(inside), nothing)
        for grid in np.flatnonzero(level_of == level):
            found = _at(table[grid], np.floor(sources / dense.strides[grid]).astype(np.int64), nothing)
            best = np.where(certainty[found] > certainty[best], found, best)
        (something,) = np.nonzero(best != nothing)
        cells.append(first + inside[something])
        chosen.append(best[something])
        first += len(points)
    seen = dense.kept(np.concatenate(chosen))
    boxes = tile.place(seen.boxes)
    # An object of which nothing is in view has no box.
    visible = (boxes[:, 2] - boxes[:, 0] >= 1) & (boxes[:, 3] - boxes[:, 1] >= 1)
    boxed = visible & (seen.scores.max(axis=1, initial=0) > LEAST_BOXED)
    class_ids = np.where(seen.scores > 0, seen.class_ids, NO_CLASS)
    return Sampled(np.concatenate(cells), boxes, class_ids, seen.scores, boxed)


def _inside(points: np.ndarray, region: tuple[float, float, float, float]) -> np.ndarray:
    """Numbers of the points (P, 2) in a region."""
    x, y = points.T
    return np.flatnonzero((x >= region[0]) & (x < region[2]) & (y >= region[1]) & (y < region[3]))


def _places(dense: Dense) -> np.ndarray:
    """(L, columns, rows) place in `dense` of each cell; K where none is kept."""
    columns, rows = dense.cells.max(axis=0, initial=0) + 1
    table = np.full((len(dense.strides), columns, rows), len(dense.levels))
    table[dense.levels, dense.cells[:, 0], dense.cells[:, 1]] = np.arange(len(dense.levels))
    return table


def _at(table: np.ndarray, wanted: np.ndarray, nothing: int) -> np.ndarray:
    """(P,) what a table (columns, rows) has at these columns and rows (P, 2); `nothing` outside."""
    column, row = wanted.T
    there = (column >= 0) & (column < table.shape[0]) & (row >= 0) & (row < table.shape[1])
    found = table[np.where(there, column, 0), np.where(there, row, 0)]
    return np.where(there, found, nothing)
