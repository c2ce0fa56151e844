"""The class scores and boxes of a detector at every cell of its grids: richer labels than finished boxes.

Kept sparsely: nearly all cells of a picture see nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

# A cell whose best class has less is left out, and is taken to have zero. Exact in float16.
LEAST_SCORE = 1 / 32
# How many classes a cell keeps, the best first.
TOP_CLASSES = 3
NO_CLASS = 255


@dataclass(frozen=True)
class Dense:
    """Cells of L grids over a picture; K of them are kept. The classes are C of a label space.

    Attributes:
        knows: (C,) int64 class ids, ascending, that the detector can find. They have score 0 in all cells
            that are left out.
        origin: (2,) float32 x, y of the grids' top left corner, in pixels of the picture.
        strides: (L, 2) float32 pixels of the picture from cell to cell, along x and y.
        levels: (K,) int64, the grid of each cell.
        cells: (K, 2) int64 column and row.
        boxes: (K, 4) float32 `x_min, y_min, x_max, y_max` in pixels of the picture.
        class_ids: (K, N) int64, the best classes of each cell; 255 for none.
        scores: (K, N) float32 in 0..1, with the precision of float16.
    """

    knows: np.ndarray
    origin: np.ndarray
    strides: np.ndarray
    levels: np.ndarray
    cells: np.ndarray
    boxes: np.ndarray
    class_ids: np.ndarray
    scores: np.ndarray

    def kept(self, which: np.ndarray) -> Dense:
        """The same with some of the cells; `which` is a (K,) mask, or places."""
        fields = ("levels", "cells", "boxes", "class_ids", "scores")
        return replace(self, **{name: getattr(self, name)[which] for name in fields})

    def moved(self, corner: np.ndarray) -> Dense:
        """The same in a picture of which this one begins at `corner`, x and y in pixels."""
        return replace(self, origin=self.origin + corner, boxes=self.boxes + np.tile(corner, 2))

    def scaled(self, factors: np.ndarray) -> Dense:
        """The same in a picture that is scaled by these factors along x and y."""
        return replace(
            self,
            origin=self.origin * factors,
            strides=self.strides * factors,
            boxes=self.boxes * np.tile(factors, 2),
        )

    def renamed(self, table: np.ndarray, knows: np.ndarray) -> Dense:
        """The same in the classes of another label space.

        Args:
            table: (256,) class id → class id there, 255 for none.
            knows: class ids there, ascending, of which everything is known. Scores of others are dropped.
        """
        class_ids = table[self.class_ids].astype(np.int64)
        class_ids[~np.isin(class_ids, knows)] = NO_CLASS
        scores = np.where(class_ids == NO_CLASS, 0, self.scores).astype(np.float32)
        renamed = replace(self, knows=knows.astype(np.int64), class_ids=class_ids, scores=scores)
        return renamed.kept(scores.max(axis=1, initial=0) >= LEAST_SCORE)


def dense_of_grids(
    boxes: np.ndarray,
    scores: np.ndarray,
    cells: np.ndarray,
    levels: np.ndarray,
    strides: np.ndarray,
    size: tuple[int, int],
) -> Dense:
    """Keep the cells that see something, with their best classes.

    Args:
        boxes: (A, 4) in pixels of the picture.
        scores: (A, C) in 0..1.
        cells: (A, 2) column and row.
        levels: (A,) the grid of each cell.
        strides: (L, 2) pixels of the picture from cell to cell, along x and y.
        size: height and width of the picture in pixels. Cells with the centre outside are left out.
    """
    centres = (cells + 0.5) * strides[levels]
    seen = (scores.max(axis=1) >= LEAST_SCORE) & (centres < (size[1], size[0])).all(axis=1)
    (kept,) = np.nonzero(seen & np.isfinite(boxes).all(axis=1))
    best = np.argsort(-scores[kept], axis=1, kind="stable")[:, :TOP_CLASSES]
    values = np.take_along_axis(scores[kept], best, axis=1).astype(np.float16)
    return Dense(
        knows=np.arange(scores.shape[1]),
        origin=np.zeros(2, np.float32),
        strides=strides.astype(np.float32),
        levels=levels[kept].astype(np.int64),
        cells=cells[kept].astype(np.int64),
        boxes=boxes[kept].astype(np.float32),
        class_ids=np.where(values > 0, best, NO_CLASS).astype(np.int64),
        scores=values.astype(np.float32),
    )
