"""What a frame's answers are: frozen NumPy records in source-image pixels, one a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

# In a mask: a pixel whose class is not known. mono8 has room for 255 classes beside it.
UNLABELLED = 255


@dataclass(frozen=True)
class Classification:
    """Every class with its probability, best first (multi-label: they need not sum to one).

    class_ids: (K,) int64, scores: (K,) float32 in 0..1.
    """

    class_ids: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class Detection:
    """Boxes, best first; all three have length zero for an empty scene.

    boxes: (N, 4) float32 `x_min, y_min, x_max, y_max` in source pixels, clipped to the image,
    class_ids: (N,) int64, scores: (N,) float32 in 0..1. instance_ids: (N,) int64, the values of
    `Segmentation.instances`; None where the model knows no masks of single objects.
    """

    boxes: np.ndarray
    class_ids: np.ndarray
    scores: np.ndarray
    instance_ids: np.ndarray | None = None


@dataclass(frozen=True)
class Segmentation:
    """A class for every source pixel, or for every so many of them (`map_scale`).

    mask: (H, W) uint8 class ids, 255 unlabelled; confidence: (H, W) uint8, 255 is certain; instances:
    (H, W) uint16, which object a pixel is of, 0 none; None where the model does not tell them apart.
    """

    mask: np.ndarray
    confidence: np.ndarray
    instances: np.ndarray | None = None


@dataclass(frozen=True)
class Navigation:
    """What to do next; a part whose head was never trained is None.

    actions: names, in the order of action_scores; action_scores: (A,) float32 summing to one;
    collision: probability in 0..1 that the way ahead is blocked; goal_distance: metres.
    """

    actions: tuple[str, ...] = ()
    action_scores: np.ndarray | None = None
    collision: float | None = None
    goal_distance: float | None = None


@dataclass(frozen=True)
class Depth:
    """How far every source pixel is. depth: (H, W) float32 metres along the optical axis if `metric`, else
    inverse depth up to scale and shift: larger is nearer. NaN where it is not known.
    """

    depth: np.ndarray
    metric: bool = True


@dataclass(frozen=True)
class Attention:
    """Where the last layer's class token looks. heatmap: (H, W) float32, 0..1, mean of the heads."""

    heatmap: np.ndarray


@dataclass(frozen=True)
class Perception:
    """All answers about one frame: a field a task, None where it was not asked for or not trained.

    image_size: (height, width) of the source image in pixels; stage_ms: milliseconds by stage
    (`preprocess`, `inference`, `decode`).
    """

    image_size: tuple[int, int]
    classification: Classification | None = None
    detection: Detection | None = None
    segmentation: Segmentation | None = None
    navigation: Navigation | None = None
    depth: Depth | None = None
    attention: Attention | None = None
    stage_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class AnsweredFrame:
    """One frame of a recording. index: from 1; image: (H, W, 3) uint8 RGB as published; labels: class id →
    name, by task."""

    index: int
    image: np.ndarray
    perception: Perception
    labels: Mapping[str, Mapping[int, str]]
