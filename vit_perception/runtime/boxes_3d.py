"""Boxes in pixels and depth in metres → boxes in space, in the camera's optical frame.

REP 103: x to the right, y down, z forward. A camera sees the near side of an object: no box reaches farther.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Size = tuple[int, int]  # height, width

# Share of a box's width and height, around its middle, in which depth is read: the edges show the background.
_INNER = 0.5
# How many standard deviations, as the median deviation tells them, a depth may lie from the median; and how
# much of the median it always may, for depth in steps.
_DEVIATIONS, _NEAR = 3.0, 0.01
# Percentiles between which the depth of an object lies.
_SPREAD = (5.0, 95.0)


@dataclass(frozen=True)
class Pinhole:
    """A camera without distortion. fx, fy: focal lengths; cx, cy: principal point, all in pixels of images of
    `size`, (0, 0) being the centre of the first pixel, as in the matrix K of sensor_msgs/CameraInfo.

    Raises:
        ValueError: it is the matrix of no camera.
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
        """From the nine numbers of K, row by row."""
        return cls(float(k[0]), float(k[4]), float(k[2]), float(k[5]), size)

    def scaled(self, size: Size) -> Pinhole:
        """The same for images of another (height, width)."""
        y, x = (new / old for new, old in zip(size, self.size, strict=True))
        # Half a pixel: edges scale, centres of pixels do not.
        return Pinhole(self.fx * x, self.fy * y, (self.cx + 0.5) * x - 0.5, (self.cy + 0.5) * y - 0.5, size)


@dataclass(frozen=True)
class Boxes3D:
    """centres, sizes: (M, 3) float32 x, y, z in metres, sides along the axes; kept: (M,) int64, which of the
    boxes they are of; left_out: int64, those without depth."""

    centres: np.ndarray
    sizes: np.ndarray
    kept: np.ndarray
    left_out: np.ndarray


def boxes_3d(boxes: np.ndarray, image_size: Size, depth: np.ndarray, camera: Pinhole) -> Boxes3D:
    """Where the objects in boxes are.

    Args:
        boxes: (N, 4) `x_min, y_min, x_max, y_max` in pixels of an image of `image_size`.
        depth: (H, W) metres along z, over the same image in any size; what is not finite or not positive is
            not known.
        camera: of the same image in any size.
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
        # Edges of pixels, half a pixel before their centres.
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
    """(median, spread) of the depth inside a box in its pixels; None where none of it is known."""
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
    """The middle of a side, at least one pixel."""
    middle, half = (low + high) / 2, (high - low) / 2 * _INNER
    first = min(max(math.floor(middle - half), 0), limit - 1)
    return slice(first, max(min(math.ceil(middle + half), limit), first + 1))
