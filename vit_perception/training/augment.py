"""Strong augmentation of pictures with boxes and masks: one affine view, pasted objects, mosaics."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np

from vit_perception.runtime.results import UNLABELLED
from vit_perception.training.config import Augmentation
from vit_perception.training.dense_sampling import Tile
from vit_perception.training.examples import Example, Known

_GREY = (124, 116, 104)  # the mean colour, which is zero after normalisation, as padding at run time is
# From 1 on: below it, much of a mosaic is grey.
_TILE_ZOOM = (1.0, 1.8)
# A smaller object makes a poor cutout.
_LEAST_CUTOUT = 16

Region = tuple[float, float, float, float]


@dataclass
class View:
    """One training picture and its truth.

    Attributes:
        rgb: (H, W, 3) uint8.
        semantic: (H, W) uint8 class ids, 255 unlabelled.
        boxes: (N, 4) float32 x_min, y_min, x_max, y_max in pixels.
        class_ids: (N,) int64.
        scores: (N,) float32, how sure the labeller was.
        ignored_boxes: (M, 4) float32, where it is unknown whether there is an object.
        ignored_ids: (M,) int64, of which class; -1 of any.
        known: the classes that its labels know.
        content: x_min, y_min, x_max, y_max of what is not padding, in pixels.
        tiles: the pictures in it that have dense labels.
    """

    rgb: np.ndarray
    semantic: np.ndarray
    boxes: np.ndarray
    class_ids: np.ndarray
    scores: np.ndarray
    ignored_boxes: np.ndarray
    ignored_ids: np.ndarray
    known: Known
    content: tuple[int, int, int, int]
    tiles: list[Tile] = field(default_factory=list)


@dataclass(frozen=True)
class Cutout:
    """One object cut from its picture.

    Attributes:
        rgb: (h, w, 3) uint8.
        mask: (h, w) bool, true on the object.
        class_id: of the object.
        score: how sure the labeller was.
    """

    rgb: np.ndarray
    mask: np.ndarray
    class_id: int
    score: float = 1.0


def cutouts(example: Example) -> list[Cutout]:
    """The objects of a picture that have a mask of their own and are not tiny."""
    annotation = example.annotation
    if annotation.instances is None:
        return []
    found = []
    height, width = example.rgb.shape[:2]
    bounds = annotation.boxes.clip(0, [width, height, width, height])
    for index, (x0, y0, x1, y1) in enumerate(bounds):
        window = np.s_[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))]
        mask = annotation.instances[window] == index + 1
        if min(mask.shape) >= _LEAST_CUTOUT and mask.any():
            score = float(annotation.scores[index]) if annotation.scores is not None else 1.0
            found.append(Cutout(example.rgb[window], mask, int(annotation.class_ids[index]), score))
    return found


def clip_boxes(boxes: np.ndarray, region: Region, visible: float) -> tuple[np.ndarray, ...]:
    """Clip boxes to a region.

    Args:
        boxes: (N, 4) x_min, y_min, x_max, y_max in pixels.
        region: as a box.
        visible: least share of a box's area that has to lie in the region, 0 to 1.

    Returns:
        clipped: (N, 4) the boxes within the region.
        keep: (N,) bool: enough of the box is left, and at least 4 pixels a side.
    """
    clipped = boxes.copy()
    clipped[:, 0::2] = clipped[:, 0::2].clip(region[0], region[2])
    clipped[:, 1::2] = clipped[:, 1::2].clip(region[1], region[3])
    size, whole = clipped[:, 2:] - clipped[:, :2], boxes[:, 2:] - boxes[:, :2]
    keep = (size.min(axis=1, initial=np.inf) >= 4) & (size.prod(axis=1) >= visible * whole.prod(axis=1))
    return clipped, keep


def affine_view(
    example: Example,
    size: tuple[int, int],
    rng: np.random.Generator,
    zoom: tuple[float, float],
    strength: Augmentation,
) -> View:
    """A picture randomly scaled, stretched, shifted and mirrored.

    Of an object that is hardly in view any more, the rest becomes an ignored box.

    Args:
        example: to look at.
        size: height and width of the view in pixels.
        rng: draws the transform.
        zoom: smallest and largest scale, relative to that at which the picture just fits.
        strength: of stretching and mirroring.
    """
    height, width = size
    source_height, source_width = example.rgb.shape[:2]
    scale = min(height / source_height, width / source_width) * np.exp(rng.uniform(*np.log(zoom)))
    stretch = np.exp(rng.uniform(-strength.stretch, strength.stretch))
    scale_x, scale_y = scale * np.sqrt(stretch), scale / np.sqrt(stretch)
    # A picture smaller than the view lies anywhere in it; of a larger one, any part may be seen.
    free_x, free_y = width - source_width * scale_x, height - source_height * scale_y
    shift_x, shift_y = (
        rng.uniform(min(free_x, 0), max(free_x, 0)),
        rng.uniform(min(free_y, 0), max(free_y, 0)),
    )
    if rng.random() < strength.mirror:
        matrix = np.array([[-scale_x, 0, shift_x + source_width * scale_x], [0, scale_y, shift_y]])
    else:
        matrix = np.array([[scale_x, 0, shift_x], [0, scale_y, shift_y]])
    source = example.rgb
    if scale < 0.6:  # a plain warp would alias
        source = cv2.blur(source, (2, 2) if scale > 0.4 else (3, 3))
    # Boxes count from a pixel's edge, OpenCV from its centre, half a pixel further.
    warp = matrix.copy()
    warp[:, 2] += 0.5 * (matrix[:, 0] + matrix[:, 1]) - 0.5
    rgb = cv2.warpAffine(source, warp, (width, height), flags=cv2.INTER_LINEAR, borderValue=_GREY)
    known = example.annotation
    semantic: np.ndarray = np.full(size, UNLABELLED, np.uint8)
    if known.semantic is not None:
        flags = cv2.INTER_NEAREST
        semantic = cv2.warpAffine(
            known.semantic, warp, (width, height), flags=flags, borderValue=(UNLABELLED,)
        )

    def move(boxes: np.ndarray, visible: float) -> tuple[np.ndarray, ...]:
        x = boxes[:, 0::2] * matrix[0, 0] + matrix[0, 2]
        y = boxes[:, 1::2] * matrix[1, 1] + matrix[1, 2]
        moved = np.stack([x.min(1), y.min(1), x.max(1), y.max(1)], axis=1).astype(np.float32)
        return clip_boxes(moved, (0, 0, width, height), visible)

    content, _ = move(np.array([[0, 0, source_width, source_height]], np.float32), 0.0)
    boxes, keep = move(known.boxes, 0.3)
    ignored, _ = move(known.ignored_boxes, 0.0)
    ignored = np.concatenate([ignored, boxes[~keep]])
    ignored_ids = np.concatenate([known.ignored_ids, known.class_ids[~keep]])
    seen = ((ignored[:, 2:] - ignored[:, :2]) > 0).all(axis=1)
    assert known.scores is not None
    x0, y0, x1, y1 = (round(float(v)) for v in content[0])
    tiles = []
    if known.dense is not None:
        tiles = [Tile(known.dense, matrix[[0, 1], [0, 1]], matrix[:, 2], (0, 0, width, height))]
    return View(
        rgb,
        semantic,
        boxes[keep],
        known.class_ids[keep],
        known.scores[keep],
        ignored[seen],
        ignored_ids[seen],
        example.known,
        (x0, y0, x1, y1),
        tiles,
    )


def mosaic(
    examples: Sequence[Example], size: tuple[int, int], rng: np.random.Generator, strength: Augmentation
) -> View:
    """As many rows as columns of pictures, with random borders (four: YOLOv4, Bochkovskiy et al. 2020).

    What is known is what all of them know: take pictures whose labels know the same classes.

    Args:
        examples: row by row; 4, 9, 16, …
        size: height and width of the view in pixels.
        rng: draws the borders and the transforms.
        strength: of stretching and mirroring.
    """
    height, width = size
    side = math.isqrt(len(examples))
    rows, columns = _borders(height, side, rng), _borders(width, side, rng)
    tiles = [(x0, y0, x1, y1) for y0, y1 in pairwise(rows) for x0, x1 in pairwise(columns)]
    rgb, semantic = np.empty((height, width, 3), np.uint8), np.empty((height, width), np.uint8)
    views = []
    for example, (x0, y0, x1, y1) in zip(examples, tiles, strict=True):
        view = affine_view(example, (y1 - y0, x1 - x0), rng, _TILE_ZOOM, strength)
        rgb[y0:y1, x0:x1], semantic[y0:y1, x0:x1] = view.rgb, view.semantic
        shift = np.array([x0, y0, x0, y0], np.float32)
        view.boxes, view.ignored_boxes = view.boxes + shift, view.ignored_boxes + shift
        view.tiles = [tile.moved(x0, y0) for tile in view.tiles]
        views.append(view)

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(view, name) for view in views])

    return View(
        rgb,
        semantic,
        joined("boxes"),
        joined("class_ids"),
        joined("scores"),
        joined("ignored_boxes"),
        joined("ignored_ids"),
        functools.reduce(operator.and_, (example.known for example in examples)),
        (0, 0, width, height),
        [tile for view in views for tile in view.tiles],
    )


def _borders(extent: int, count: int, rng: np.random.Generator) -> list[int]:
    """Where `count` parts of about one size begin and end, in pixels."""
    inner = (np.arange(1, count) + rng.uniform(-0.3, 0.3, count - 1)) / count
    return [0, *(int(extent * each) for each in inner), extent]


def paste(view: View, objects: Sequence[Cutout], rng: np.random.Generator) -> None:
    """Paste objects into a view, in place (Ghiasi et al. 2021). Boxes that are mostly covered go."""
    height, width = view.rgb.shape[:2]
    for cutout in objects:
        cut_height, cut_width = cutout.mask.shape
        extent = np.exp(rng.uniform(np.log(0.12), np.log(0.7))) * min(height, width)
        scale = min(extent / max(cut_height, cut_width), 1.5)
        new_width, new_height = max(int(cut_width * scale), 6), max(int(cut_height * scale), 6)
        flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        rgb = cv2.resize(cutout.rgb, (new_width, new_height), interpolation=flags)
        alpha = cv2.resize(cutout.mask.astype(np.float32), (new_width, new_height), interpolation=flags)
        if rng.random() < 0.5:
            rgb, alpha = rgb[:, ::-1], alpha[:, ::-1]
        if new_width >= width or new_height >= height:
            continue
        x, y = int(rng.integers(0, width - new_width)), int(rng.integers(0, height - new_height))
        window = np.s_[y : y + new_height, x : x + new_width]
        mixed = rgb * alpha[..., None] + view.rgb[window] * (1 - alpha[..., None])
        view.rgb[window] = mixed.astype(np.uint8)
        solid = alpha > 0.5
        # A class that the masks here do not know is unlabelled; what it covers is not there any more.
        named = cutout.class_id in view.known.masks
        view.semantic[window][solid] = cutout.class_id if named else UNLABELLED
        hidden = np.zeros((height, width), np.uint8)
        hidden[window] = solid
        keep = [
            hidden[int(b[1]) : int(np.ceil(b[3])), int(b[0]) : int(np.ceil(b[2]))].mean() < 0.6
            for b in view.boxes
        ]
        box = np.array([[x, y, x + new_width, y + new_height]], np.float32)
        view.boxes = np.concatenate([view.boxes[keep], box])
        view.class_ids = np.append(view.class_ids[keep], cutout.class_id)
        view.scores = np.append(view.scores[keep], np.float32(cutout.score))
