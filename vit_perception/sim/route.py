"""The way to the goal on a map: how long it is from anywhere, and where it leads.

Two fields on one grid, by Dijkstra (1959): the shortest way, and the way that is taken, which keeps away from
walls where it can. Moves to 16 neighbours keep a way within 3 % of the straight line.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra

from vit_perception.sim.plan import NOBODY, Plan
from vit_perception.sim.robot import RADIUS

# Metres from the robot's edge: the least on any way, and where nothing disturbs any more.
_MARGIN, _COMFORT = 0.03, 0.45
# How many times its length a way costs that touches something.
_DEAREST = 6.0
# Half of the 16 moves: the others go back along them.
_MOVES = ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1))
# A pose this far from the nearest cell that a way leads through has none, in metres.
_FARTHEST = 0.5
# People disturb on the way this far around the robot, in metres, and their nearness costs so many times more
# than a wall's.
_WINDOW, _PEOPLE = 3.0, 4.0


class Route:
    """Ways to one goal.

    Args:
        plan: of the world.
        goal: x and y.
        cell: side of a cell of the grid, metres.

    Raises:
        ValueError: the goal stands in something.
    """

    def __init__(self, plan: Plan, goal: tuple[float, float], cell: float = 0.1) -> None:
        self.goal = np.array(goal)
        self._cell = cell
        x_min, y_min, x_max, y_max = plan.bounds
        self._low = np.array((x_min, y_min)) + cell / 2
        xs, ys = np.arange(self._low[0], x_max, cell), np.arange(self._low[1], y_max, cell)
        clearance = plan.clearance_map(xs, ys, RADIUS + _COMFORT)
        self._shape = clearance.shape
        self._points = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
        self._free = clearance >= RADIUS + _MARGIN
        self._near = _nearness(clearance - RADIUS)
        begins, ends, lengths = _edges(self._free, cell)
        costs = lengths * _dearer(self._near.ravel(), begins, ends)
        linked = np.zeros(clearance.size, bool)
        linked[begins] = linked[ends] = True
        if not linked.any():
            raise ValueError("the robot fits nowhere into this world")
        aim = self._closest(self.goal, np.flatnonzero(linked))
        if np.hypot(*(self._points[aim] - self.goal)) > _FARTHEST:
            raise ValueError(f"the goal {goal} stands in something")
        self._distances = dijkstra(_graph(begins, ends, lengths, linked.size), directed=False, indices=aim)
        self._cost_to_go, self._next = dijkstra(
            _graph(begins, ends, costs, linked.size),
            directed=False,
            indices=aim,
            return_predecessors=True,
        )
        reached = np.isfinite(self._distances).reshape(self._shape)
        self._reached_near = distance_transform_edt(~reached, return_distances=False, return_indices=True)

    def distance(self, xy: tuple[float, float] | np.ndarray) -> float:
        """Metres of the shortest way from x and y to the goal; infinite if there is none."""
        place = np.asarray(xy)
        snapped = self._snapped(place)
        if snapped is None:
            return np.inf
        row, column = np.unravel_index(snapped, self._shape)
        rows, columns = np.mgrid[row - 1 : row + 2, column - 1 : column + 2].reshape(2, -1)
        inside = (rows >= 0) & (rows < self._shape[0]) & (columns >= 0) & (columns < self._shape[1])
        around = np.ravel_multi_index((rows[inside], columns[inside]), self._shape)
        least = (self._distances[around] + np.hypot(*(self._points[around] - place).T)).min()
        return float(max(least, np.hypot(*(self.goal - place))))

    def path(self, xy: tuple[float, float] | np.ndarray, people: np.ndarray = NOBODY) -> np.ndarray:
        """(N, 2) points of the way that is taken from x and y to the goal; (1, 2) if there is none.

        Args:
            xy: where it begins.
            people: (K, 3) x, y and radius of those around whom it leads. None leads through them.
        """
        place = np.asarray(xy, dtype=float)
        snapped = self._snapped(place)
        if snapped is None:
            return place[None]
        cells: list[int] = []
        if len(near := people[np.hypot(*(people[:, :2] - place).T) < _WINDOW]):
            cells = self._detour(snapped, near)
            if not cells:
                return place[None]
            snapped = cells.pop()
        while snapped >= 0:
            cells.append(snapped)
            snapped = int(self._next[snapped])
        return np.vstack((place, self._points[cells[1:]], self.goal))

    def _detour(self, start: int, people: np.ndarray) -> list[int]:
        """Cells from the start around people to where the way leaves their surroundings; none if blocked."""
        reach = round(_WINDOW / self._cell)
        window = tuple(
            slice(max(0, middle - reach), middle + reach + 1)
            for middle in np.unravel_index(start, self._shape)
        )
        cells = np.arange(self._free.size).reshape(self._shape)[window]
        edge = np.ones(cells.shape, bool)
        edge[1:-1, 1:-1] = False
        places = self._points[cells.ravel()]
        gaps = np.hypot(*(places[:, None] - people[:, :2]).transpose(2, 0, 1)) - people[:, 2]
        gaps = gaps.min(axis=1) - RADIUS
        near = self._near[window].ravel() + _PEOPLE * _nearness(gaps)
        free = self._free[window] & (gaps >= _MARGIN).reshape(cells.shape)
        begins, ends, lengths = _edges(free, self._cell)
        graph = _graph(begins, ends, lengths * _dearer(near, begins, ends), cells.size)
        middle = int(np.flatnonzero(cells.ravel() == start)[0])
        reached, before = dijkstra(graph, directed=False, indices=middle, return_predecessors=True)
        # At the goal, or at the edge, where the rest of the way is that without people. Only nearer to the
        # goal: from elsewhere, that rest may lead back through them.
        to_go = self._cost_to_go[cells.ravel()]
        final = edge.ravel() & (to_go < self._cost_to_go[start]) | (to_go == 0)
        totals = np.where(final, reached + to_go, np.inf)
        last = int(totals.argmin())
        if not np.isfinite(totals[last]):
            return []
        way = []
        while last >= 0:
            way.append(int(cells.flat[last]))
            last = int(before[last])
        return way[::-1]

    def _closest(self, place: np.ndarray, among: np.ndarray) -> int:
        return int(among[np.hypot(*(self._points[among] - place).T).argmin()])

    def _snapped(self, place: np.ndarray) -> int | None:
        """The nearest cell from which a way leads to the goal."""
        column, row = np.rint((place - self._low) / self._cell).astype(int)
        row, column = np.clip((row, column), 0, np.array(self._shape) - 1)
        cell = int(np.ravel_multi_index(tuple(self._reached_near[:, row, column]), self._shape))
        return cell if np.hypot(*(self._points[cell] - place)) <= _FARTHEST else None


def _nearness(gap: np.ndarray) -> np.ndarray:
    """1 where the robot's edge touches something, 0 from where nothing disturbs any more."""
    return (1 - np.clip(gap / _COMFORT, 0, 1)) ** 2


def _dearer(near: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """(E,) how many times its length each move costs, by the nearness of things at its cells."""
    return 1 + _DEAREST * (near[begins] + near[ends]) / 2


def _graph(begins: np.ndarray, ends: np.ndarray, weights: np.ndarray, size: int) -> csr_array:
    return coo_array((weights, (begins, ends)), shape=(size, size)).tocsr()


def _edges(free: np.ndarray, cell: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(E,) cells where moves begin and end, and (E,) metres, of all moves between free cells (H, W)."""
    places = np.arange(free.size).reshape(free.shape)
    height, width = free.shape
    found = []
    for rows, columns in _MOVES:
        begin = slice(0, height - rows), slice(max(0, -columns), width - max(0, columns))
        end = slice(rows, height), slice(max(0, columns), width - max(0, -columns))
        both = free[begin] & free[end]
        length = np.full(both.sum(), cell * np.hypot(rows, columns))
        found.append((places[begin][both], places[end][both], length))
    begins, ends, lengths = (np.concatenate(part) for part in zip(*found, strict=True))
    return begins, ends, lengths
