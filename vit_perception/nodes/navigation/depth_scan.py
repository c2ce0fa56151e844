"""The free distance that a depth image measures. Needs no ROS."""

from __future__ import annotations

import numpy as np

from vit_perception.nodes.navigation.scan import Scan
from vit_perception.nodes.navigation.transforms import Transform
from vit_perception.runtime.camera_model import CameraModel

# What stands is higher than the ground by so many metres, and so many more a metre away: noise grows. It is
# under the robot's top, which is taken to be so many metres above the camera.
_HIGHER, _UNSURE, _OVER = 0.025, 0.005, 0.1
# How steep ground may be beside that under the robot, in metres a metre.
_SLOPE = 0.3
# Metres within which depth is looked at, and within which things count; columns of the image that are looked
# at; and radians from beam to beam, or so many columns, if that is more.
_DEPTH, REACH, _COLUMNS, _BEAM, _WIDE = 6.0, 4.0, 160, np.radians(1.0), 2.0
# A beam ends at the third nearest point: one or two are noise. With fewer than so many it says nothing.
_POINTS, _SEEN = 3, 10
# A beam ends at somebody only if what stands there, no deeper than so many metres, reaches so much of the
# camera's height.
_DEEP, TALL = 0.3, 0.8
# Half of what is looked at, in radians to each side.
_SIDE = np.radians(60.0)


def scan_of_depth(depth: np.ndarray, camera: CameraModel, mount: Transform) -> Scan:
    """Beams from the robot's origin to what stands on the ground.

    Args:
        depth: (H, W) metres along the optical axis, 0 where it is unknown.
        camera: that took it.
        mount: of the camera's optical frame (REP 103) in the robot's frame, whose origin is on the ground.
    """
    step = max(1, depth.shape[1] // _COLUMNS)
    # The lowest row first.
    rows, columns = (np.arange(step // 2, size, step) for size in depth.shape)
    rows = rows[::-1]
    forward = depth[np.ix_(rows, columns)]
    known = (forward > 0) & (forward < _DEPTH)
    grid_columns, grid_rows = np.meshgrid(columns, rows)
    rays = camera.rays(grid_columns.ravel(), grid_rows.ravel())
    points = np.concatenate([rays, np.ones((len(rays), 1))], axis=1) * forward.reshape(-1, 1)
    x, y, z = mount.apply_all(points).T.reshape(3, *forward.shape)
    far, angle = np.hypot(x, y), np.arctan2(y, x)
    height = z - _ground(far, z, known)
    known &= np.abs(angle) < _SIDE
    stands = known & (height > _HIGHER + _UNSURE * far) & (height < mount.translation[2] + _OVER)
    stands &= far < REACH
    count = int(2 * _SIDE / max(_BEAM, _WIDE * step / camera.fx))
    angles = _SIDE * (2 * np.arange(count) + 1 - count) / count
    metres = np.full(count, np.nan)
    metres[np.bincount(_beams(angle[known], count), minlength=count) >= _SEEN] = np.inf
    found = _nearest(far[stands], _beams(angle[stands], count), count)
    metres = np.where(np.isfinite(found), found, metres)
    high = stands & (height > TALL * mount.translation[2])
    tall = _nearest(far[high], _beams(angle[high], count), count) < metres + _DEEP
    return Scan(angles, metres, REACH, measured=True, tall=tall)


def _nearest(far: np.ndarray, beams: np.ndarray, count: int) -> np.ndarray:
    """(count,) metres to the third nearest point of each beam, of N points; infinite with fewer."""
    order = np.lexsort((far, beams))
    starts = np.searchsorted(beams[order], np.arange(count + 1))
    hit = np.flatnonzero(np.diff(starts) >= _POINTS)
    found = np.full(count, np.inf)
    found[hit] = far[order][starts[hit] + _POINTS - 1]
    return found


def _beams(angles: np.ndarray, count: int) -> np.ndarray:
    """(N,) the beam in which each angle (N,) is."""
    return np.asarray(((angles + _SIDE) / (2 * _SIDE) * count).astype(int).clip(0, count - 1))


def _ground(far: np.ndarray, z: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(H, W) height of the ground under points (H, W), whose lowest row comes first.

    It begins at the robot's feet, and rises and falls no more than a robot can drive. So a hill is ground,
    and what stands is not.
    """
    height, reached = np.zeros(far.shape[1]), np.zeros(far.shape[1])
    found = np.empty_like(far)
    for row in range(len(far)):
        change = _SLOPE * np.maximum(far[row] - reached, 0.0)
        found[row] = height + np.clip(z[row] - height, -change, change)
        on_it = known[row] & (np.abs(z[row] - found[row]) < _HIGHER)
        height, reached = np.where(on_it, found[row], height), np.where(on_it, far[row], reached)
    return found
