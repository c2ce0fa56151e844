"""What stands around a robot, as far as it has seen: a grid that moves along. Needs no ROS.

Each cell holds evidence, as in an occupancy grid (Moravec and Elfes 1985): what a scan ends at speaks for a
thing, what it looks through speaks against one.
"""

from __future__ import annotations

import math

import numpy as np

from vit_perception.nodes.navigation.scan import Scan
from vit_perception.runtime.planar import Pose, directions, placed, seen_from

# Metres of a cell's side, and cells of the grid's.
CELL, _CELLS = 0.1, 200
# Metres by which somebody reaches around their shins, which are what a low camera sees of them.
BODY = 0.2
# Evidence of a hit, of a look through and of a look over low things; the least and the most that is kept; and
# from where on a cell holds a thing.
_HIT, _MISS, _LOOKED, _LEAST, _MOST, _THING = 1.0, -1.0, -0.1, -2.0, 8.0, 0.5
# Evidence below which a place was free; seconds for which what came there may go on by itself.
_FREE, _PASSES = -1.5, 8.0
# Evidence that is lost in a second: of what came to a free place; of what was seen for a moment alone and has
# so little, as somebody who walks has; and of what stands there.
_GOES, _GLIMPSED, _GLIMPSE, _FADES = 2.0, 0.4, 4.0, 0.1
# What is seen so many metres farther away now was no thing, or has gone; unless it is low, and so near that
# the camera may look over it.
_BEFORE, _OVER = 0.2, 0.7
# What a robot touches is up to so many radians beside its heading.
_TOUCHED = np.radians((-40, -20, 0, 20, 40))


class LocalMap:
    """Of one frame that stands still. Its cells are rows along y and columns along x.

    Args:
        pose: of the robot now.
    """

    def __init__(self, pose: Pose) -> None:
        shape = _CELLS, _CELLS
        self._evidence = np.zeros(shape, np.float32)
        # Where in its cell the last hit was, metres from its middle in x and y.
        self._offsets = np.zeros((*shape, 2), np.float32)
        # Until when what has come to a place that was free may go on; 0 for other places.
        self._goes_until = np.zeros(shape)
        # Whether what was hit last is as tall as the camera, which cannot look over it then.
        self._tall = np.zeros(shape, bool)
        self._now = -math.inf
        self._corner = _middle(pose)

    def see(self, scan: Scan, pose: Pose, now: float) -> None:
        """Take a scan.

        Args:
            scan: of the robot's surroundings.
            pose: of the robot as it was taken.
            now: seconds.
        """
        self._follow(pose)
        self._fade(now)
        metres = np.minimum(scan.metres, scan.reach)
        rows, columns = self._window(pose, scan.reach)
        # Of a thin thing, the middle of its cell may be beside it.
        places = self._middles(rows, columns) + self._offsets[rows, columns]
        x, y = seen_from(pose, places).transpose(2, 0, 1)
        far, angles = np.hypot(x, y), np.arctan2(y, x)
        looked = _looked(scan.angles, metres, angles)
        evidence = self._evidence[rows, columns]
        through = (far > _OVER) | self._tall[rows, columns]
        evidence[(far < looked - _BEFORE) & through] += _MISS
        evidence[(far < looked) & (evidence == 0)] = _LOOKED
        hits = metres < scan.reach
        until = now + _PASSES * scan.measured
        goes = np.full(len(hits), until) if scan.tall is None else np.where(scan.tall, until, 0.0)
        tall = np.zeros(len(hits), bool) if scan.tall is None else scan.tall
        self._mark(_ends(pose, scan.angles[hits], metres[hits]), _HIT, goes[hits], tall[hits])
        np.clip(self._evidence, _LEAST, _MOST, out=self._evidence)

    def touch(self, pose: Pose, radius: float) -> None:
        """Remember that something is before a robot of this radius, metres."""
        ends = _ends(pose, _TOUCHED, np.full(len(_TOUCHED), radius + CELL / 2))
        self._mark(ends, _MOST, np.full(len(ends), self._now), np.zeros(len(ends), bool))

    def forget(self, pose: Pose, metres: float) -> None:
        """Places around a robot are as if nobody had looked at them."""
        rows, columns = self._window(pose, metres)
        near = np.hypot(*seen_from(pose, self._middles(rows, columns)).transpose(2, 0, 1)) < metres
        self._evidence[rows, columns][near] = 0

    @property
    def standing(self) -> np.ndarray:
        """(H, W) bool: cells with things that stand there."""
        return np.asarray((self._evidence >= _THING) & (self._goes_until <= self._now))

    @property
    def passing(self) -> np.ndarray:
        """(H, W) bool: cells with things that have come there, and may go on."""
        return np.asarray((self._evidence >= _THING) & (self._goes_until > self._now))

    @property
    def glimpsed(self) -> np.ndarray:
        """(H, W) bool: cells with tall things that were seen for a moment alone, as somebody who walks is."""
        return np.asarray((self._evidence >= _THING) & (self._evidence < _GLIMPSE) & self._tall)

    @property
    def unknown(self) -> np.ndarray:
        """(H, W) bool: cells that nobody has looked at."""
        return np.asarray(self._evidence == 0)

    def is_unknown(self, places: np.ndarray) -> np.ndarray:
        """(N,) bool: nobody has looked at x and y (N, 2)."""
        rows, columns = np.rint(self.cells(places)).astype(int).T.clip(0, _CELLS - 1)
        return np.asarray(self._evidence[rows, columns] == 0)

    def around(self, pose: Pose, metres: float) -> np.ndarray:
        """(N, 3) things within so many metres of a robot along each axis.

        Metres ahead of it and to its left, and how far they reach around there.
        """
        rows, columns = self._window(pose, metres)
        things = self._evidence[rows, columns] >= _THING
        places = self._middles(rows, columns) + self._offsets[rows, columns]
        reach = BODY * self.passing[rows, columns][things]
        return np.column_stack((seen_from(pose, places[things]), reach))

    def somebody_passes(self, pose: Pose, metres: float) -> bool:
        """Whether something within so many metres of a robot along each axis may go on."""
        return bool(self.passing[self._window(pose, metres)].any())

    def cells(self, places: np.ndarray) -> np.ndarray:
        """(..., 2) rows and columns of x and y (..., 2), whole at the middles of cells; may be outside."""
        return np.asarray((places / CELL - self._corner - 0.5)[..., ::-1])

    def places(self, cells: np.ndarray) -> np.ndarray:
        """(..., 2) x and y of rows and columns (..., 2)."""
        return np.asarray((cells[..., ::-1] + self._corner + 0.5) * CELL)

    def _mark(self, ends: np.ndarray, evidence: float, goes_until: np.ndarray, tall: np.ndarray) -> None:
        """There are things at these places (N, 2), which go on until (N,) if they came to a free place."""
        cells = np.rint(self.cells(ends)).astype(int)
        cells, first = np.unique(cells, axis=0, return_index=True)
        inside = ((cells >= 0) & (cells < _CELLS)).all(axis=1)
        cells, first = cells[inside], first[inside]
        at = cells[:, 0], cells[:, 1]
        before = self._evidence[at]
        self._goes_until[at] = np.where(before <= _FREE, goes_until[first], self._goes_until[at])
        self._evidence[at] = np.maximum(before, 0) + evidence
        self._offsets[at] = ends[first] - self.places(cells)
        self._tall[at] = tall[first]

    def _fade(self, now: float) -> None:
        passed = max(0.0, now - self._now) if math.isfinite(self._now) else 0.0
        stays = np.where(self._evidence < _GLIMPSE, np.float32(_GLIMPSED), np.float32(_FADES))
        lost = passed * np.where(self._goes_until > 0, np.float32(_GOES), stays)
        self._evidence = np.where(self._evidence > 0, np.maximum(self._evidence - lost, 0), self._evidence)
        if passed > _MOST / _FADES:  # no thing is left: what was free may not be, or it is another odometry
            self._evidence[:] = 0
        self._now = now

    def _window(self, pose: Pose, metres: float) -> tuple[slice, slice]:
        row, column = np.rint(self.cells(np.array(pose[:2]))).astype(int)
        cells = int(metres / CELL) + 1
        rows, columns = (slice(max(0, at - cells), max(0, at + cells + 1)) for at in (row, column))
        return rows, columns

    def _middles(self, rows: slice, columns: slice) -> np.ndarray:
        grid = np.meshgrid(np.arange(_CELLS)[rows], np.arange(_CELLS)[columns], indexing="ij")
        return self.places(np.stack(grid, axis=-1))

    def _follow(self, pose: Pose) -> None:
        """Move the grid with a robot that nears its edge."""
        corner = _middle(pose)
        moved = corner - self._corner
        if np.abs(moved).max() <= _CELLS // 4:
            return
        self._corner = corner
        for name in ("_evidence", "_offsets", "_goes_until", "_tall"):
            setattr(self, name, _shifted(getattr(self, name), *moved[::-1]))


def _middle(pose: Pose) -> np.ndarray:
    """(2,) cells in x and y at which a grid around a robot begins."""
    return np.floor(np.array(pose[:2]) / CELL).astype(int) - _CELLS // 2


def _shifted(layer: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """A layer whose first cell is so many rows and columns farther; 0 where there was none."""
    found = np.zeros_like(layer)
    if max(abs(rows), abs(columns)) < _CELLS:
        to, of = zip(
            *(
                (slice(max(0, -by), _CELLS - max(0, by)), slice(max(0, by), _CELLS - max(0, -by)))
                for by in (rows, columns)
            ),
            strict=True,
        )
        found[to] = layer[of]
    return found


def _looked(beams: np.ndarray, metres: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """How far a scan looks at other angles; 0 outside, and beside beams that know nothing.

    As far as the shortest of the four beams around, two to each side: a thin thing would be looked through.

    Args:
        beams: (K,) radians, ascending.
        metres: (K,) of these.
        angles: radians, of any shape.
    """
    known = np.nan_to_num(np.concatenate(([0.0, 0.0], metres, [0.0, 0.0])), nan=0.0)
    shortest = np.lib.stride_tricks.sliding_window_view(known, 4).min(axis=1)
    return np.asarray(shortest[np.searchsorted(beams, angles)])


def _ends(pose: Pose, angles: np.ndarray, metres: np.ndarray) -> np.ndarray:
    """(N, 2) where beams of a robot at this pose end."""
    return placed(pose, metres[:, None] * directions(angles))
