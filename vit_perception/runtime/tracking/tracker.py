"""Ids that stay with objects through occlusion and misses: ByteTrack (Zhang 2022), in seconds.

Boxes of high scores find their objects first, then the others do, and only a box of a high score begins an
object. Objects that nobody sees go on as they moved, and with the camera's turn. A node drops frames, so that
their number says nothing: all times are those of stamps.
"""

from __future__ import annotations

import numpy as np

from vit_perception.runtime.results import Detection
from vit_perception.runtime.tracking.association import associate
from vit_perception.runtime.tracking.box_filter import BoxFilter

# An object is forgotten so many seconds after it was last seen, and one that was seen only once earlier.
PATIENCE, _ONCE = 2.0, 0.5


class Tracker:
    """Of one camera. Ids begin at 1, and none is given twice."""

    def __init__(self) -> None:
        self._filter = BoxFilter()
        # Of each object, as of the filter's rows: id, class, how often and when it was last seen.
        self._ids = np.zeros(0, np.int64)
        self._class_ids = np.zeros(0, np.int64)
        self._seen = np.zeros(0, np.int64)
        self._last = np.zeros(0)
        self._seconds = -np.inf
        self._next = 1

    def update(
        self, found: Detection, seconds: float, least: float, motion: np.ndarray | None = None
    ) -> np.ndarray:
        """The id of each box, (N,) int64; 0 for a low score that belongs to no object.

        Args:
            found: in a frame.
            seconds: of its stamp. If it is before that of the last frame, nothing of that is known any more.
            least: a high score, 0 to 1.
            motion: (3, 3) homography from pixels of the last frame to those of this one, of what is far away;
                None where it is not known.
        """
        passed = seconds - self._seconds
        if passed < 0:
            self._keep(np.zeros(len(self._ids), bool))
        self._keep(seconds - self._last <= np.where(self._seen > 1, PATIENCE, _ONCE))
        self._seconds = seconds
        if motion is not None:
            self._filter.turn(motion)
        if len(self._ids):
            self._filter.predict(passed)
        high = found.scores >= least
        rows = self._rows(found, high)
        known = rows >= 0
        self._filter.correct(rows[known], found.boxes[known])
        self._seen[rows[known]] += 1
        self._last[rows[known]] = seconds
        new = high & ~known
        rows[new] = len(self._ids) + np.arange(new.sum())
        self._begin(found.boxes[new], found.class_ids[new])
        return np.append(self._ids, 0)[rows]  # the row of none is the last

    def _rows(self, found: Detection, high: np.ndarray) -> np.ndarray:
        """(N,) the row of the object that each box belongs to, -1 for none."""
        rows = np.full(len(found.boxes), -1)
        for which in (high, ~high):
            places = np.flatnonzero(which)
            free = np.setdiff1d(np.arange(len(self._ids)), rows)
            objects, boxes = associate(
                self._filter.boxes[free], self._class_ids[free], found.boxes[places], found.class_ids[places]
            )
            rows[places[boxes]] = free[objects]
        return rows

    def _begin(self, boxes: np.ndarray, class_ids: np.ndarray) -> None:
        count = len(boxes)
        self._filter.add(boxes)
        self._ids = np.append(self._ids, self._next + np.arange(count))
        self._class_ids = np.append(self._class_ids, class_ids)
        self._seen = np.append(self._seen, np.ones(count, np.int64))
        self._last = np.append(self._last, np.full(count, self._seconds))
        self._next += count

    def _keep(self, which: np.ndarray) -> None:
        self._filter.keep(which)
        self._ids, self._class_ids = self._ids[which], self._class_ids[which]
        self._seen, self._last = self._seen[which], self._last[which]
