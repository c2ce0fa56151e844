"""Boxes in pixels and depth in metres → boxes in metres, in the camera's optical frame.

The axes are those of REP 103: x to the right, y down, z forward. A camera sees the near side of an object
only, and the boxes end where its depth does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from vit_perception.runtime.camera_model import CameraModel, Size

# Without a region, depth is read in the middle of a box, in this share of its width and height: its edges
# show the background.
_INNER = 0.5
# A region counts if so much of it is in the box: pixels, and share of the box.
_LEAST_PIXELS, _LEAST_SHARE = 12, 0.05
# Depths in order are of one surface while they follow each other within these metres or this share of them.
_GAP, _GAP_SHARE = 0.1, 0.04
# The nearest surface that has this share of all pixels that were read is the object. Nearer ones are noise,
# or in the way; and where most of an object has no depth, what has some is something else.
_CONSISTENT = 0.25
# Percentiles of the depths between which an object extends.
_SPREAD = (5.0, 95.0)
# A region that no box has.
NO_REGION = -1


@dataclass(frozen=True)
class View:
    """Depth of one frame.

    Attributes:
        depth: (H, W) metres along z, at any size; unknown where it is not finite or not positive.
        camera: that sees it.
    """

    depth: np.ndarray
    camera: CameraModel


@dataclass(frozen=True)
class Regions:
    """Which pixels show the objects of N boxes.

    Attributes:
        pixels: (h, w) whole numbers, of the same view at any size: a class or an object for each pixel.
        of_boxes: (N,) int64, the number of each box in `pixels`; NO_REGION for none.
    """

    pixels: np.ndarray
    of_boxes: np.ndarray


@dataclass(frozen=True)
class Boxes3D:
    """Boxes with sides along the axes.

    Attributes:
        centres: (M, 3) float32 x, y, z in metres: in the middle of the 2D box, at the distance of what is
            seen of the object.
        sizes: (M, 3) float32 x, y, z in metres: what the 2D box spans at that distance, and how far the depth
            of what is seen extends.
        kept: (M,) int64 indices of the 2D boxes that they belong to.
        left_out: int64 indices of the 2D boxes without known depth.
    """

    centres: np.ndarray
    sizes: np.ndarray
    kept: np.ndarray
    left_out: np.ndarray


def boxes_3d(boxes: np.ndarray, image_size: Size, view: View, regions: Regions | None = None) -> Boxes3D:
    """The objects in 2D boxes as 3D boxes.

    Their distance is the median of the nearest surface that has enough of the depths: of those of its region
    in the box, or without a region of those in the middle of the box.

    Args:
        boxes: (N, 4) `x_min, y_min, x_max, y_max` in pixels of the image.
        image_size: (height, width) of the image.
        view: of the same frame.
        regions: of the boxes; None: only the boxes are known.
    """
    camera = view.camera.scaled(image_size)
    height, width = view.depth.shape
    scale = np.array([width / image_size[1], height / image_size[0]] * 2)
    pixels = None
    if regions is not None:
        pixels = cv2.resize(regions.pixels, (width, height), interpolation=cv2.INTER_NEAREST)
    centres, sizes, kept, left_out = [], [], [], []
    for place, box in enumerate(boxes.astype(np.float64)):
        region = None
        if regions is not None and pixels is not None and regions.of_boxes[place] != NO_REGION:
            region = pixels, int(regions.of_boxes[place])
        surface = nearest_surface(_depths(view.depth, box * scale, region))
        middle, extent = _outline(camera, box)
        if not len(surface) or not np.isfinite([*middle, *extent]).all():
            left_out.append(place)
            continue
        distance = float(np.median(surface))
        least, most = np.percentile(surface, _SPREAD)
        centres.append((*(middle * distance), distance))
        sizes.append((*(extent * distance), most - least))
        kept.append(place)
    return Boxes3D(
        np.array(centres, np.float32).reshape(-1, 3),
        np.array(sizes, np.float32).reshape(-1, 3),
        np.array(kept, np.int64),
        np.array(left_out, np.int64),
    )


def nearest_surface(depths: np.ndarray) -> np.ndarray:
    """Of (N,) metres, known or not, those of the nearest surface that has enough of them; maybe none."""
    ordered = np.sort(depths[np.isfinite(depths) & (depths > 0)].astype(np.float64))
    steps = np.flatnonzero(np.diff(ordered) > np.maximum(_GAP, _GAP_SHARE * ordered[:-1])) + 1
    for surface in np.split(ordered, steps):
        if len(surface) >= _CONSISTENT * len(depths):
            return np.asarray(surface)
    return ordered[:0]


def _depths(depth: np.ndarray, box: np.ndarray, region: tuple[np.ndarray, int] | None) -> np.ndarray:
    """(N,) metres, known or not, of what a box in pixels of the depth image shows.

    Args:
        region: (H, W) pixels, and the number that those of the object have; None if they are not known.
    """
    if region is not None:
        pixels, number = region
        place = _part(box[1], box[3], 1.0, depth.shape[0]), _part(box[0], box[2], 1.0, depth.shape[1])
        found = depth[place][pixels[place] == number]
        if len(found) >= max(_LEAST_PIXELS, _LEAST_SHARE * depth[place].size):
            return found
    place = _part(box[1], box[3], _INNER, depth.shape[0]), _part(box[0], box[2], _INNER, depth.shape[1])
    return depth[place].reshape(-1)


def _part(low: float, high: float, share: float, limit: int) -> slice:
    """The pixels in the middle of a side, in this share of it; at least one."""
    middle, half = (low + high) / 2, (high - low) / 2 * share
    first = min(max(math.floor(middle - half), 0), limit - 1)
    return slice(first, max(min(math.ceil(middle + half), limit), first + 1))


def _outline(camera: CameraModel, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middle of a box and its extent, x and y each, at one metre of z; NaN where no ray is seen."""
    # Boxes are measured at the edges of pixels, half a pixel before their centres.
    left, top, right, bottom = box - 0.5
    x, y = (left + right) / 2, (top + bottom) / 2
    columns, rows = np.array([x, left, right, x, x]), np.array([y, y, y, top, bottom])
    middle, west, east, north, south = camera.rays(columns, rows)
    return middle, np.array([east[0] - west[0], south[1] - north[1]])
