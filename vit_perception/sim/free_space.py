"""Where free ground ends in the picture of the robot's camera, of the free distances around the robot."""

from __future__ import annotations

import numpy as np

from vit_perception.data.navigation import FREE_COLUMNS
from vit_perception.sim.robot import CAMERA_X
from vit_perception.sim.world import Look

# Rows that are looked at from the bottom up, and the least fall of a ray that meets the ground.
_ROWS, _LEAST_FALL = 288, 1e-3


def free_ground(
    look: Look, size: tuple[int, int], angles: np.ndarray, metres: np.ndarray, most: float
) -> np.ndarray:
    """(FREE_COLUMNS,) row at which free ground ends, see `NavigationTruth`; flat ground is looked at.

    Args:
        look: how the camera looks.
        size: height and width of the picture.
        angles: (K,) radians from straight ahead, evenly spaced, left first.
        metres: (K,) free from the robot's middle at these.
        most: metres beyond which nothing is looked for.
    """
    rows = 1.0 - (np.arange(_ROWS) + 0.5) / _ROWS
    columns = (np.arange(FREE_COLUMNS) + 0.5) / FREE_COLUMNS
    half = np.tan(look.field_of_view / 2)
    down, aside = (2 * rows - 1) * half, (2 * columns - 1) * half * size[1] / size[0]
    sine, cosine = np.sin(look.camera_pitch), np.cos(look.camera_pitch)
    fall = down * cosine + sine
    depth = look.camera_height / np.maximum(fall, _LEAST_FALL)
    x = (CAMERA_X + depth * (cosine - down * sine))[:, None]
    y = -depth[:, None] * aside
    far = np.hypot(x, y)
    beams = np.rint((angles[0] - np.arctan2(y, x)) / (angles[0] - angles[1])).astype(int)
    known = (beams >= 0) & (beams < len(angles))
    ends = far >= np.minimum(metres[beams.clip(0, len(angles) - 1)], most)
    first = ends.argmax(axis=0)
    told = known[first, np.arange(FREE_COLUMNS)] & ends.any(axis=0)
    return np.where(told, 1.0 - first / _ROWS, np.nan).astype(np.float32)
