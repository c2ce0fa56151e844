"""The free distances that the end of free ground in a picture means. Needs no ROS."""

from __future__ import annotations

import numpy as np

from vit_perception.nodes.navigation.scan import Scan, nearest
from vit_perception.nodes.navigation.transforms import Transform
from vit_perception.runtime.camera_model import CameraModel

# Metres within which things count: beyond, one row of the picture is too much ground. Beams for each column:
# neighbours in the map of the robot's surroundings must not be farther apart than its cells.
_REACH, _BEAMS = 3.5, 3
# Least fall of a ray in its length: others meet no ground.
_LEAST_FALL = 1e-3


def scan_of_free_space(ends: np.ndarray, camera: CameraModel, mount: Transform) -> Scan:
    """Beams from the robot's origin to where free ground ends. The ground is taken to be flat.

    Args:
        ends: (K, 2) columns and rows, shares of the picture, see `Navigation.free_space`.
        camera: that took it.
        mount: of the camera's optical frame (REP 103) in the robot's frame, whose origin is on the ground.
    """
    height, width = camera.size
    rays = camera.rays(ends[:, 0] * width - 0.5, ends[:, 1] * height - 0.5)
    rays = np.concatenate([rays, np.ones((len(rays), 1))], axis=1)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    x, y, z = (mount.apply_all(rays) - mount.translation).T
    steps = mount.translation[2] / np.maximum(-z, _LEAST_FALL)
    x, y = mount.translation[0] + steps * x, mount.translation[1] + steps * y
    angles, metres = np.arctan2(y, x), np.hypot(x, y)
    known = np.isfinite(angles)
    order = np.argsort(angles[known])
    angles, metres = angles[known][order], metres[known][order]
    if not len(angles):
        return Scan(angles, metres, _REACH)
    fine = np.linspace(angles[0], angles[-1], _BEAMS * len(angles))
    return Scan(fine, nearest(angles, metres, fine), _REACH)
