"""Strong augmentation for few photographs: one affine view, pasted objects, mosaics, colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vit_perception.data.coco import Cutout, Photograph
from vit_perception.runtime.results import UNLABELLED

_GREY = (124, 116, 104)  # the mean colour, which is zero after normalisation, as padding at run time is


@dataclass
class View:
    """One training picture and its truth.

    Attributes:
        rgb: (H, W, 3) uint8.
        semantic: (H, W) uint8 class ids, 255 unlabelled.
        boxes: (N, 4) float32 x_min, y_min, x_max, y_max in pixels.
        class_ids: (N,) int64.
        labelled: Whether all of it comes from photographs with a mask.
        content: x_min, y_min, x_max, y_max of what is not padding, in pixels.
    """

    rgb: np.ndarray
    semantic: np.ndarray
    boxes: np.ndarray
    class_ids: np.ndarray
    labelled: bool
    content: tuple[int, int, int, int]


def clip_boxes(
    boxes: np.ndarray, region: tuple[float, float, float, float], visible: float
) -> tuple[np.ndarray, ...]:
    """Clip boxes to a region.

    Args:
        boxes: (N, 4) x_min, y_min, x_max, y_max in pixels.
        region: As a box.
        visible: Least share of a box's area that has to lie in the region, 0 to 1.

    Returns:
        clipped: (N, 4) The boxes within the region.
        keep: (N,) bool: enough of the box is left, and at least 4 pixels a side.
    """
    clipped = boxes.copy()
    clipped[:, 0::2] = clipped[:, 0::2].clip(region[0], region[2])
    clipped[:, 1::2] = clipped[:, 1::2].clip(region[1], region[3])
    size, whole = clipped[:, 2:] - clipped[:, :2], boxes[:, 2:] - boxes[:, :2]
    keep = (size.min(axis=1, initial=np.inf) >= 4) & (size.prod(axis=1) >= visible * whole.prod(axis=1))
    return clipped, keep


def affine_view(
    photo: Photograph, size: tuple[int, int], rng: np.random.Generator, zoom: tuple[float, float]
) -> View:
    """A photograph randomly scaled, stretched, shifted and mirrored.

    Args:
        photo: To look at.
        size: Height and width of the view in pixels.
        rng: Draws the transform.
        zoom: Smallest and largest scale, relative to that at which the photograph just fits.
    """
    height, width = size
    source_height, source_width = photo.rgb.shape[:2]
    scale = min(height / source_height, width / source_width) * np.exp(rng.uniform(*np.log(zoom)))
    stretch = np.exp(rng.uniform(-0.2, 0.2))
    scale_x, scale_y = scale * np.sqrt(stretch), scale / np.sqrt(stretch)
    # A picture smaller than the view lies anywhere in it; of a larger one, any part may be seen.
    free_x, free_y = width - source_width * scale_x, height - source_height * scale_y
    shift_x, shift_y = (
        rng.uniform(min(free_x, 0), max(free_x, 0)),
        rng.uniform(min(free_y, 0), max(free_y, 0)),
    )
    if rng.random() < 0.5:
        matrix = np.array([[-scale_x, 0, shift_x + source_width * scale_x], [0, scale_y, shift_y]])
    else:
        matrix = np.array([[scale_x, 0, shift_x], [0, scale_y, shift_y]])
    source = photo.rgb
    if scale < 0.6:  # a plain warp would alias
        source = cv2.blur(source, (2, 2) if scale > 0.4 else (3, 3))
    # Boxes count from a pixel's edge, OpenCV from its centre, half a pixel further.
    warp = matrix.copy()
    warp[:, 2] += 0.5 * (matrix[:, 0] + matrix[:, 1]) - 0.5
    rgb = cv2.warpAffine(source, warp, (width, height), flags=cv2.INTER_LINEAR, borderValue=_GREY)
    semantic = cv2.warpAffine(
        photo.semantic, warp, (width, height), flags=cv2.INTER_NEAREST, borderValue=(UNLABELLED,)
    )
    corners = np.array([[0, 0, source_width, source_height], *photo.boxes], np.float32)
    x = corners[:, 0::2] * matrix[0, 0] + matrix[0, 2]
    y = corners[:, 1::2] * matrix[1, 1] + matrix[1, 2]
    moved = np.stack([x.min(1), y.min(1), x.max(1), y.max(1)], axis=1).astype(np.float32)
    content, _ = clip_boxes(moved[:1], (0, 0, width, height), 0.0)
    boxes, keep = clip_boxes(moved[1:], (0, 0, width, height), 0.3)
    rectangle = tuple(round(float(v)) for v in content[0])
    return View(rgb, semantic, boxes[keep], photo.class_ids[keep], photo.labelled, rectangle)  # type: ignore[arg-type]


def mosaic(photos: Sequence[Photograph], size: tuple[int, int], rng: np.random.Generator) -> View:
    """Four photographs around a random centre (YOLOv4, Bochkovskiy et al. 2020) in `size` (height, width)."""
    height, width = size
    cut_y, cut_x = int(height * rng.uniform(0.35, 0.65)), int(width * rng.uniform(0.35, 0.65))
    rgb = np.empty((height, width, 3), np.uint8)
    semantic = np.empty((height, width), np.uint8)
    boxes, class_ids = [], []
    tiles = [
        (0, 0, cut_x, cut_y),
        (cut_x, 0, width, cut_y),
        (0, cut_y, cut_x, height),
        (cut_x, cut_y, width, height),
    ]
    for photo, (x0, y0, x1, y1) in zip(photos, tiles, strict=True):
        view = affine_view(photo, (y1 - y0, x1 - x0), rng, (0.9, 1.6))
        rgb[y0:y1, x0:x1], semantic[y0:y1, x0:x1] = view.rgb, view.semantic
        boxes.append(view.boxes + np.array([x0, y0, x0, y0], np.float32))
        class_ids.append(view.class_ids)
    labelled = all(photo.labelled for photo in photos)
    return View(
        rgb, semantic, np.concatenate(boxes), np.concatenate(class_ids), labelled, (0, 0, width, height)
    )


def paste(view: View, cutouts: Sequence[Cutout], rng: np.random.Generator) -> None:
    """Paste objects into a view, in place (Ghiasi et al. 2021). Boxes that are mostly covered go."""
    height, width = view.rgb.shape[:2]
    for cutout in cutouts:
        cut_height, cut_width = cutout.mask.shape
        extent = np.exp(rng.uniform(np.log(0.12), np.log(0.7))) * min(height, width)
        scale = min(extent / max(cut_height, cut_width), 1.5)
        new_width, new_height = max(int(cut_width * scale), 6), max(int(cut_height * scale), 6)
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        rgb = cv2.resize(cutout.rgb, (new_width, new_height), interpolation=interpolation)
        alpha = cv2.resize(
            cutout.mask.astype(np.float32), (new_width, new_height), interpolation=interpolation
        )
        if rng.random() < 0.5:
            rgb, alpha = rgb[:, ::-1], alpha[:, ::-1]
        if new_width >= width or new_height >= height:
            continue
        x, y = int(rng.integers(0, width - new_width)), int(rng.integers(0, height - new_height))
        window = np.s_[y : y + new_height, x : x + new_width]
        view.rgb[window] = (rgb * alpha[..., None] + view.rgb[window] * (1 - alpha[..., None])).astype(
            np.uint8
        )
        solid = alpha > 0.5
        view.semantic[window][solid] = cutout.class_id
        hidden = np.zeros((height, width), np.uint8)
        hidden[window] = solid
        keep = [
            hidden[int(b[1]) : int(np.ceil(b[3])), int(b[0]) : int(np.ceil(b[2]))].mean() < 0.6
            for b in view.boxes
        ]
        box = np.array([[x, y, x + new_width, y + new_height]], np.float32)
        view.boxes = np.concatenate([view.boxes[keep], box])
        view.class_ids = np.append(view.class_ids[keep], cutout.class_id)


def jitter_colour(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random brightness, contrast, saturation and hue; sometimes grey, blurred or noisy. (H, W, 3) uint8."""
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + rng.uniform(-8, 8)) % 180
    hsv[..., 1] *= rng.uniform(0.5, 1.5)
    rgb = cv2.cvtColor(hsv.clip(0, 255).astype(np.uint8), cv2.COLOR_HSV2RGB)
    table = np.arange(256, dtype=np.float32)
    table = (table - 128) * rng.uniform(0.6, 1.4) + 128 + rng.uniform(-40, 40)
    rgb = cv2.LUT(rgb, table.clip(0, 255).astype(np.uint8))
    if rng.random() < 0.1:
        rgb = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < 0.1:
        rgb = cv2.GaussianBlur(rgb, (3, 3), 0)
    if rng.random() < 0.1:
        rgb = (rgb + rng.normal(0, 8, rgb.shape)).clip(0, 255).astype(np.uint8)
    return rgb
