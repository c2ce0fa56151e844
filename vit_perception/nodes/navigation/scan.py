"""Free distances around a robot: measured by depth where there is depth, else by the model. Needs no ROS."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from vit_perception.runtime.results import Navigation

# Metres as far as the model's free distances count, for its error is about a metre. The share of its reach
# within which a scan fills what depth says nothing about, over so many radians or more: at the edges of all
# things, depth has holes of a degree or two.
_MODEL, _FILL, _HOLE = 2.0, 0.5, np.radians(5.0)


@dataclass(frozen=True)
class Scan:
    """Beams from the robot's origin.

    Attributes:
        angles: (K,) radians, positive to the left, ascending.
        metres: (K,) to what stands there; infinite where nothing is near, not a number where nobody knows.
        reach: metres within which the scan sees things.
        measured: whether a sensor measures them, so that what comes to a free place has come there.
        tall: (K,) whether what stands there may be somebody; None: nobody knows.
    """

    angles: np.ndarray
    metres: np.ndarray
    reach: float
    measured: bool = False
    tall: np.ndarray | None = None


def scan_of_model(found: Navigation) -> Scan | None:
    """What the model estimates; None if it estimates no free distances."""
    if found.scan is None or found.scan_angles is None:
        return None
    order = np.argsort(found.scan_angles)
    return Scan(found.scan_angles[order], found.scan[order], _MODEL)


def filled(measured: Scan, seen: Scan | None) -> Scan:
    """What depth measures, and what is seen near where depth says nothing.

    Near walls, and dark and shiny things, have no depth.
    """
    if seen is None or not len(seen.angles):
        return measured
    estimated = nearest(seen.angles, seen.metres, measured.angles)
    use = _wide(np.isnan(measured.metres), measured.angles) & (estimated < _FILL * seen.reach)
    return dataclasses.replace(measured, metres=np.where(use, estimated, measured.metres))


def _wide(missing: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """(K,) the beams that are missing together with those beside them, over _HOLE or more."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], missing.view(np.int8), [0]))))
    found = np.zeros(len(missing), bool)
    for first, end in edges.reshape(-1, 2):
        found[first:end] = angles[end - 1] - angles[first] >= _HOLE
    return found


def nearest(angles: np.ndarray, metres: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(M,) of the beams that are nearest to some angles; not a number beside all beams.

    Args:
        angles: (K,) of the beams, ascending; at least one.
        metres: (K,) of these.
        wanted: (M,) angles.
    """
    borders = (angles[1:] + angles[:-1]) / 2
    inside = (wanted >= angles[0]) & (wanted <= angles[-1])
    return np.where(inside, metres[np.searchsorted(borders, wanted)], np.nan)


def with_scan(found: Navigation, scan: Scan | None, max_range: float) -> Navigation:
    """An answer whose free distances are those of a scan, where that looks.

    Args:
        max_range: metres beyond which the answer does not see.
    """
    if scan is None or not len(scan.angles) or found.scan is None or found.scan_angles is None:
        return found
    metres = np.minimum(nearest(scan.angles, scan.metres, found.scan_angles), max_range)
    known = np.where(np.isnan(metres), found.scan, metres).astype(np.float32)
    return dataclasses.replace(found, scan=known)
