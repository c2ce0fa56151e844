"""Results drawn on their frame: boxes, mask, depth, attention, and what a robot should do.

Images are (H, W, 3) uint8 RGB and are not changed: functions return a new one. Lines and letters grow with
the image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import cv2
import numpy as np

from vit_perception.runtime.results import (
    UNLABELLED,
    Classification,
    Depth,
    Detection,
    Navigation,
    Perception,
    Segmentation,
)
from vit_perception.tasks import CLASSIFICATION, DETECTION

Colour = tuple[int, int, int]

# Of the first twelve classes of any model.
_NAMED: tuple[Colour, ...] = (
    (255, 89, 94),
    (25, 130, 255),
    (255, 159, 28),
    (168, 111, 230),
    (255, 214, 10),
    (247, 37, 133),
    (176, 137, 104),
    (126, 200, 255),
    (158, 166, 178),
    (76, 187, 90),
    (0, 168, 168),
    (100, 92, 120),
)
# The others are chosen among so many steps of red, green and blue, and so light in CIELAB: neither nearly
# black nor nearly white.
_STEPS, _DARKEST, _LIGHTEST = 13, 30, 92
_FONT = cv2.FONT_HERSHEY_DUPLEX
_INK: Colour = (24, 26, 30)
_PAPER: Colour = (250, 250, 250)
_GREEN: Colour = (64, 200, 112)
_RED: Colour = (240, 84, 84)
_MASK_OPACITY = 0.5
_DEPTH_OPACITY = 0.7
COLOUR_MAPS = {
    "inferno": cv2.COLORMAP_INFERNO,
    "viridis": cv2.COLORMAP_VIRIDIS,
    "turbo": cv2.COLORMAP_TURBO,
    "jet": cv2.COLORMAP_JET,
    "bone": cv2.COLORMAP_BONE,
}
_MOST_CLASSES = 4


def class_colour(class_id: int) -> Colour:
    """The colour of a class, the same in every picture."""
    red, green, blue = _PALETTE[class_id % 256, 0].tolist()
    return red, green, blue


def _palette() -> np.ndarray:
    """(256, 1, 3) uint8: each colour after the named ones looks least like any before it."""
    steps = np.linspace(0, 255, _STEPS).round()
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    looks = _lab(grid)
    usable = (looks[:, 0] > _DARKEST) & (looks[:, 0] < _LIGHTEST)
    grid, looks = grid[usable], looks[usable]
    chosen = list(map(np.array, _NAMED))
    nearest = np.linalg.norm(looks[:, None] - _lab(np.array(_NAMED)), axis=-1).min(axis=1)
    while len(chosen) < 256:
        best = int(nearest.argmax())
        chosen.append(grid[best])
        nearest = np.minimum(nearest, np.linalg.norm(looks - looks[best], axis=1))
    return np.array(chosen, np.uint8).reshape(256, 1, 3)


def _lab(colours: np.ndarray) -> np.ndarray:
    """Colours (N, 3) in 0..255 in CIELAB, where distances are those that eyes see."""
    return np.asarray(cv2.cvtColor(np.float32(colours)[None] / 255, cv2.COLOR_RGB2LAB)[0])


_PALETTE = _palette()


def draw_overlay(
    image: np.ndarray, perception: Perception, labels: Mapping[str, Mapping[int, str]]
) -> np.ndarray:
    """Draw all results except attention, which would hide the others, and depth where there is a mask.

    Args:
        image: of the frame.
        perception: its results.
        labels: class id → name, by task; a class without a name is written as its id.
    """
    drawn = image.copy()
    if perception.depth is not None and perception.segmentation is None:
        drawn = draw_depth(drawn, perception.depth)
    if perception.segmentation is not None:
        drawn = draw_mask(drawn, perception.segmentation)
    if perception.detection is not None:
        drawn = draw_boxes(drawn, perception.detection, labels.get(DETECTION, {}))
    if perception.classification is not None:
        _write_classes(drawn, perception.classification, labels.get(CLASSIFICATION, {}))
    if perception.navigation is not None:
        _write_advice(drawn, perception.navigation)
    return drawn


def draw_mask(image: np.ndarray, segmentation: Segmentation) -> np.ndarray:
    """Tint each pixel in the colour of its class, with thin lines between classes. Unlabelled pixels stay."""
    mask = _resized(segmentation.mask, image, cv2.INTER_NEAREST)
    tint = cv2.applyColorMap(mask, _PALETTE)
    blended = cv2.addWeighted(image, 1 - _MASK_OPACITY, tint, _MASK_OPACITY, 0)
    edges = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8))
    blended[edges > 0] = _PAPER
    return np.asarray(cv2.copyTo(image, (mask == UNLABELLED).astype(np.uint8), blended))


def draw_depth(image: np.ndarray, depth: Depth) -> np.ndarray:
    """Tint each pixel by its depth, from red (near) to blue (far). Pixels of unknown depth stay."""
    values = _resized(depth.depth, image, cv2.INTER_LINEAR)
    known = np.isfinite(values)
    if not known.any():
        return image
    low, high = np.percentile(values[known], (2, 98))
    nearness = np.clip((np.where(known, values, low) - low) / max(float(high - low), 1e-6), 0, 1)
    if depth.metric:
        nearness = 1 - nearness
    colours = cv2.applyColorMap(np.uint8(255 * nearness), cv2.COLORMAP_TURBO)
    blended = cv2.addWeighted(image, 1 - _DEPTH_OPACITY, colours[..., ::-1], _DEPTH_OPACITY, 0)
    return np.where(known[..., None], blended, image)


def draw_boxes(image: np.ndarray, detection: Detection, labels: Mapping[int, str]) -> np.ndarray:
    """Draw a box and a tag with name and score for each detection, those with higher scores on top."""
    drawn = image.copy()
    thickness = max(1, round(2.5 * _unit(image)))
    order = range(len(detection.boxes) - 1, -1, -1)
    for index in order:
        left, top, right, bottom = (round(float(edge)) for edge in detection.boxes[index])
        colour = class_colour(int(detection.class_ids[index]))
        cv2.rectangle(drawn, (left, top), (right, bottom), colour, thickness)
    for index in order:
        left, top = (round(float(edge)) for edge in detection.boxes[index][:2])
        class_id = int(detection.class_ids[index])
        text = f"{labels.get(class_id, str(class_id))} {detection.scores[index]:.0%}"
        _tag(drawn, text, (left, top), class_colour(class_id), above=True)
    return drawn


def draw_attention(
    image: np.ndarray, heatmap: np.ndarray, colour_map: str = "inferno", opacity: float = 0.5
) -> np.ndarray:
    """Blend a heat map over the image.

    Args:
        image: of the frame.
        heatmap: (h, w) in 0..1, of the same aspect ratio at any size.
        colour_map: one of COLOUR_MAPS. inferno is dark for low values and bright for high ones.
        opacity: of the heat map: 0 shows the image only, 1 the heat map only.

    Raises:
        ValueError: the colour map does not exist, or the opacity is not in 0..1.
    """
    if colour_map not in COLOUR_MAPS:
        raise ValueError(f"unknown colour map {colour_map!r}: choose from {', '.join(COLOUR_MAPS)}")
    if not 0.0 <= opacity <= 1.0:
        raise ValueError(f"opacity must be between 0 and 1, not {opacity}")
    heat = np.uint8(255 * np.clip(_resized(heatmap, image, cv2.INTER_LINEAR), 0, 1))
    glow = cv2.cvtColor(cv2.applyColorMap(heat, COLOUR_MAPS[colour_map]), cv2.COLOR_BGR2RGB)
    # The gain makes up for the image that shows through.
    return cv2.addWeighted(image, 1 - opacity, glow, min(1.4 * opacity, 1.0), 0)


def _resized(values: np.ndarray, image: np.ndarray, interpolation: int) -> np.ndarray:
    """A map of any size, resized to the image."""
    height, width = image.shape[:2]
    if values.shape == (height, width):
        return values
    return np.asarray(cv2.resize(values, (width, height), interpolation=interpolation))


def _unit(image: np.ndarray) -> float:
    """Size of the image relative to one of 480 lines."""
    return min(image.shape[:2]) / 480


def _write_classes(image: np.ndarray, answer: Classification, labels: Mapping[int, str]) -> None:
    """Write the classes with the highest scores as tags along the top."""
    margin = round(8 * _unit(image))
    x = margin
    for class_id, score in list(zip(answer.class_ids, answer.scores, strict=True))[:_MOST_CLASSES]:
        name = labels.get(int(class_id), str(class_id))
        x = _tag(image, f"{name} {score:.0%}", (x, margin), class_colour(int(class_id))) + margin


def _write_advice(image: np.ndarray, navigation: Navigation) -> None:
    """Write the best action, and whether the way is free, along the bottom."""
    margin = round(8 * _unit(image))
    position = (margin, image.shape[0] - margin)
    if navigation.action_scores is not None:
        best = int(np.argmax(navigation.action_scores))
        text = f"{navigation.actions[best].replace('_', ' ')} {navigation.action_scores[best]:.0%}"
        position = (_tag(image, text, position, _PAPER, above=True) + margin, position[1])
    if navigation.collision is not None:
        blocked = navigation.collision >= 0.5
        probability = navigation.collision if blocked else 1 - navigation.collision
        text = f"way {'blocked' if blocked else 'free'} {probability:.0%}"
        _tag(image, text, position, _RED if blocked else _GREEN, above=True)


def _tag(image: np.ndarray, text: str, corner: tuple[int, int], colour: Colour, above: bool = False) -> int:
    """Write text on a coloured plate below `corner`, or above it, moved to lie within the image.

    Returns:
        The x of its right edge.
    """
    size = 0.5 * max(0.85, _unit(image))
    (width, height), descent = cv2.getTextSize(text, _FONT, size, 1)
    pad = max(2, round(height * 0.45))
    plate_width, plate_height = width + 2 * pad, height + descent + pad
    left = min(max(0, corner[0]), max(0, image.shape[1] - plate_width))
    top = min(max(0, corner[1] - plate_height if above else corner[1]), max(0, image.shape[0] - plate_height))
    cv2.rectangle(image, (left, top), (left + plate_width, top + plate_height), colour, -1)
    dark = float(np.dot(colour, (0.299, 0.587, 0.114))) < 140
    baseline = (left + pad, top + height + (plate_height - height - descent) // 2 + descent // 2)
    cv2.putText(image, text, baseline, _FONT, size, _PAPER if dark else _INK, 1, cv2.LINE_AA)
    return left + plate_width


def contact_sheet(pictures: list[np.ndarray]) -> np.ndarray:
    """Pictures of one size in about as many rows as columns. The rest of the last row is black."""
    columns = math.ceil(math.sqrt(len(pictures)))
    blank = np.zeros_like(pictures[0])
    pictures = pictures + [blank] * (-len(pictures) % columns)
    rows = [np.hstack(pictures[first : first + columns]) for first in range(0, len(pictures), columns)]
    return np.vstack(rows)
