"""Where a camera's pixels look: a pinhole with the distortion that sensor_msgs/CameraInfo describes.

The axes are those of REP 103: x to the right, y down, z forward.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import numpy as np

from vit_perception.runtime.distortion import straightened

Size = tuple[int, int]  # height, width

# Of two proportions: pictures that differ by more are not of the same view.
_SAME_SHAPE = 0.03


@dataclass(frozen=True)
class CameraModel:
    """A camera for pictures of one size.

    Attributes:
        fx: horizontal focal length in pixels.
        fy: vertical focal length in pixels.
        cx: column of the principal point; 0 is the centre of the first pixel.
        cy: row of the principal point.
        size: (height, width) of the images in pixels.
        distortion: coefficients as `runtime/distortion.py` takes them; empty for none.
        fisheye: whether they are those of a fisheye lens.

    Raises:
        ValueError: a focal length or a size is not positive, or a value is not finite.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    size: Size
    distortion: tuple[float, ...] = ()
    fisheye: bool = False

    def __post_init__(self) -> None:
        values = (self.fx, self.fy, self.cx, self.cy, *self.distortion)
        if not all(map(math.isfinite, values)) or min(self.fx, self.fy, *self.size) <= 0:
            raise ValueError(
                f"focal lengths {self.fx:g} and {self.fy:g} for {self.size[1]}x{self.size[0]} pixels are no "
                "camera's: calibrate it"
            )

    def scaled(self, size: Size) -> CameraModel:
        """The same camera with images resized to another (height, width)."""
        y, x = (new / old for new, old in zip(size, self.size, strict=True))
        # Resizing scales the edges of pixels; their centres are half a pixel further.
        return replace(
            self,
            fx=self.fx * x,
            fy=self.fy * y,
            cx=(self.cx + 0.5) * x - 0.5,
            cy=(self.cy + 0.5) * y - 0.5,
            size=size,
        )

    def cropped(self, left: int, top: int, size: Size) -> CameraModel:
        """The same camera with images of which only this part is sent, in pixels."""
        return replace(self, cx=self.cx - left, cy=self.cy - top, size=size)

    def rays(self, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Where pixels look.

        Args:
            columns: (...) places in the image; 0 is the centre of the first pixel.
            rows: the same.

        Returns:
            (..., 2) x and y at one metre of z. NaN where the distortion shows the pixel to no ray.
        """
        seen = np.stack([(columns - self.cx) / self.fx, (rows - self.cy) / self.fy], axis=-1)
        if not any(self.distortion):
            return seen
        return straightened(seen.reshape(-1, 2), self.distortion, self.fisheye).reshape(seen.shape)


@functools.lru_cache(maxsize=8)
def ray_map(camera: CameraModel, size: Size) -> np.ndarray:
    """(H, W, 2) float32, read-only: where the pixels of a camera's images of (height, width) look."""
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float64)
    rays = camera.scaled(size).rays(columns, rows).astype(np.float32)
    rays.flags.writeable = False
    return rays


def same_shape(one: Size, other: Size) -> bool:
    """Whether pictures of these sizes can be of one view, scaled."""
    return abs(one[1] * other[0] / (one[0] * other[1]) - 1) <= _SAME_SHAPE if min(*one, *other) > 0 else False
