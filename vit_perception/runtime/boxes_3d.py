"""Boxes in pixels and depth in metres → boxes in metres, in the camera's optical frame.

The axes are those of REP 103: x to the right, y down, z forward. A camera sees the near side of an object
only, and the boxes end where its depth does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Size = tuple[int, int]  # height, width

# Depth is read in the middle of a box, in this share of its width and height: its edges show the background.
_INNER = 0.5
# Depths count as the object's within so many standard deviations of the median (estimated from the median
# deviation), or within this share of the median, since depth may come in steps.
_DEVIATIONS, _NEAR = 3.0, 0.01
# Percentiles of the depths between which an object extends.
_SPREAD = (5.0, 95.0)


@dataclass(frozen=True)
class Pinhole:
    """A camera without distortion, as the matrix K of sensor_msgs/CameraInfo describes it.

    Attributes:
        fx: horizontal focal length in pixels.
        fy: vertical focal length in pixels.
        cx: column of the principal point; 0 is the centre of the first pixel.
        cy: row of the principal point.
        size: (height, width) of the images in pixels.

    Raises:
        ValueError: a focal length or a size is not positive, or a value is not finite.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    size: Size

    def __post_init__(self) -> None:
        values = (self.fx, self.fy, self.cx, self.cy)
        if not all(map(math.isfinite, values)) or min(self.fx, self.fy, *self.size) <= 0:
            raise ValueError(
                f"focal lengths {self.fx:g} and {self.fy:g} for {self.size[1]}x{self.size[0]} pixels are no "
                "camera's: calibrate it"
            )

    @classmethod
    def of_matrix(cls, k: Sequence[float], size: Size) -> Pinhole:
        """From the nine numbers of K, in row-major order, and the images' (height, width)."""
        return cls(float(k[0]), float(k[4]), float(k[2]), float(k[5]), size)

    def scaled(self, size: Size) -> Pinhole:
        """The same camera with images resized to another (height, width)."""
        y, x = (new / old for new, old in zip(size, self.size, strict=True))
        # Resizing scales the edges of pixels; their centres are half a pixel further.
        return Pinhole(self.fx * x, self.fy * y, (self.cx + 0.5) * x - 0.5, (self.cy + 0.5) * y - 0.5, size)


@dataclass(frozen=True)
class Boxes3D:
    """Boxes with sides along the axes.

    Attributes:
        centres: (M, 3) float32 x, y, z in metres.
        sizes: (M, 3) float32 x, y, z in metres.
        kept: (M,) int64 indices of the 2D boxes that they belong to.
        left_out: int64 indices of the 2D boxes without known depth.
    """

    centres: np.ndarray
    sizes: np.ndarray
    kept: np.ndarray
    left_out: np.ndarray


def boxes_3d(boxes: np.ndarray, image_size: Size, depth: np.ndarray, camera: Pinhole) -> Boxes3D:
    """The objects in 2D boxes as 3D boxes.

    Args:
        boxes: (N, 4) `x_min, y_min, x_max, y_max` in pixels of the image.
        image_size: (height, width) of the image.
        depth: (H, W) metres along z, of the same view at any size; unknown where it is not finite or not
            positive.
        camera: of the same view at any size.
    """
    camera = camera.scaled(image_size)
    scale = np.array([depth.shape[1] / image_size[1], depth.shape[0] / image_size[0]] * 2)
    centres, sizes, kept, left_out = [], [], [], []
    for place, box in enumerate(boxes.astype(np.float64)):
        found = _distance(depth, box * scale)
        if found is None:
            left_out.append(place)
            continue
        distance, thickness = found
        left, top, right, bottom = box
        # Boxes are measured at the edges of pixels, half a pixel before their centres.
        x, y = (left + right) / 2 - 0.5 - camera.cx, (top + bottom) / 2 - 0.5 - camera.cy
        centres.append((x * distance / camera.fx, y * distance / camera.fy, distance))
        sizes.append(
            ((right - left) * distance / camera.fx, (bottom - top) * distance / camera.fy, thickness)
        )
        kept.append(place)
    return Boxes3D(
        np.array(centres, np.float32).reshape(-1, 3),
        np.array(sizes, np.float32).reshape(-1, 3),
        np.array(kept, np.int64),
        np.array(left_out, np.int64),
    )


def _distance(depth: np.ndarray, box: np.ndarray) -> tuple[float, float] | None:
    """Median and extent of the depth inside a box in pixels of the depth image; None if none is known."""
    columns, rows = _inner(box[0], box[2], depth.shape[1]), _inner(box[1], box[3], depth.shape[0])
    values = depth[rows, columns].astype(np.float64)
    values = values[np.isfinite(values) & (values > 0)]
    if not len(values):
        return None
    median = float(np.median(values))
    off = np.abs(values - median)
    # 1.4826 median deviations are one standard deviation of a normal distribution.
    near = values[off <= max(_DEVIATIONS * 1.4826 * float(np.median(off)), _NEAR * median)]
    least, most = np.percentile(near, _SPREAD)
    return median, float(most - least)


def _inner(low: float, high: float, limit: int) -> slice:
    """The pixels in the middle of a side, at least one."""
    middle, half = (low + high) / 2, (high - low) / 2 * _INNER
    first = min(max(math.floor(middle - half), 0), limit - 1)
    return slice(first, max(min(math.ceil(middle + half), limit), first + 1))
