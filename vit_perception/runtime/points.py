"""The mask as points in space: organised, one for each pixel of it, or for each of every few."""

from __future__ import annotations

import numpy as np

from vit_perception.runtime.boxes_3d import View
from vit_perception.runtime.camera_model import Size, ray_map
from vit_perception.runtime.results import Segmentation

# 16 bytes a point, as PCL lays them out: x, y, z in metres of the camera's optical frame, and the values of
# the mask and of its confidence.
POINT = np.dtype(
    {
        "names": ["x", "y", "z", "class_id", "confidence"],
        "formats": ["<f4", "<f4", "<f4", "u1", "u1"],
        "offsets": [0, 4, 8, 12, 13],
        "itemsize": 16,
    }
)


def points(found: Segmentation, view: View, step: int) -> np.ndarray:
    """(H', W') of POINT; x, y and z are NaN where the depth is unknown.

    Args:
        found: the mask, (H, W).
        view: depth and camera of the same frame, at any size.
        step: pixels of the mask for each point along both axes. Point (i, j) is that of the mask's pixel
            (i * step + step // 2, j * step + step // 2), and with a step of 1 of pixel (i, j).
    """
    height, width = found.mask.shape
    # Slices are views: lists of rows and columns take several times as long.
    rows, columns = (slice(min(step // 2, side - 1), None, step) for side in (height, width))
    depth = _resized(view.depth, (height, width))[rows, columns]
    rays = ray_map(view.camera, (height, width))[rows, columns]
    cloud = np.zeros(depth.shape, POINT)
    known = np.where((depth > 0) & (depth < np.inf), depth, np.float32(np.nan))
    np.multiply(rays[..., 0], known, out=cloud["x"])
    np.multiply(rays[..., 1], known, out=cloud["y"])
    cloud["z"], cloud["class_id"] = known, found.mask[rows, columns]
    cloud["confidence"] = found.confidence[rows, columns]
    return cloud


def _resized(depth: np.ndarray, size: Size) -> np.ndarray:
    """Depth of the pixels of another size, without any between two: that of the pixel around their centre."""
    if depth.shape == size:
        return depth
    rows, columns = (
        (np.arange(new) * 2 + 1) * old // (2 * new) for new, old in zip(size, depth.shape, strict=True)
    )
    return np.asarray(depth[rows[:, None], columns])
