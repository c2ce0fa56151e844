"""The results for a frame: frozen NumPy records, one for each task, in pixels of the source image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

# In a mask: a pixel whose class is unknown. mono8 has room for 255 classes beside it.
UNLABELLED = 255


@dataclass(frozen=True)
class Classification:
    """The classes that reach the threshold, best first; both arrays are empty where no class does.

    Attributes:
        class_ids: (K,) int64.
        scores: (K,) float32 probabilities in 0..1. Of a multi-label model they need not sum to one.
    """

    class_ids: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class Detection:
    """Objects in boxes, the highest score first; all arrays are empty where nothing was found.

    Attributes:
        boxes: (N, 4) float32 `x_min, y_min, x_max, y_max` in source pixels, clipped to the image.
        class_ids: (N,) int64.
        scores: (N,) float32 in 0..1.
        instance_ids: (N,) int64, values in `Segmentation.instances`; None where the model gives no masks of
            single objects.
    """

    boxes: np.ndarray
    class_ids: np.ndarray
    scores: np.ndarray
    instance_ids: np.ndarray | None = None


@dataclass(frozen=True)
class Segmentation:
    """The class of every pixel. (H, W) is the size of the source times the request's `map_scale`.

    Attributes:
        mask: (H, W) uint8 class ids; 255 is unlabelled.
        confidence: (H, W) uint8; 255 is certain.
        instances: (H, W) uint16 ids of the objects, 0 for none; None where the model does not tell objects
            of a class apart.
    """

    mask: np.ndarray
    confidence: np.ndarray
    instances: np.ndarray | None = None


@dataclass(frozen=True)
class Navigation:
    """What a robot should do next. A field whose head was not trained, or whose input is missing, is None.

    The fields after `goal_distance` are of a navigator (`architecture.navigation` on its card). Metres are of
    the robot's frame: x is ahead, y is left (REP 103).

    Attributes:
        actions: names, in the order of `action_scores`.
        action_scores: (A,) float32 probabilities that sum to one.
        collision: probability in 0..1 that the way ahead is blocked; of a navigator, that the robot will
            collide within 1.5 seconds.
        goal_distance: metres along the way.
        path: (N, 2) float32 metres, the way to go.
        scan: (K,) float32 metres that are free in each direction.
        scan_angles: (K,) float32 radians of these directions, from left to right; positive is left.
        free_space: (K, 2) float32 column and row at which free ground ends, as shares of the picture's width
            and height, from left to right.
        token: (width,) float32, what this frame is for the history of later ones.
        depth_share: 0..1, how much of what the action reads is depth; the rest is colour.
        attention: (2, H, W) float32, what the action reads of each pixel's colour and of its depth, 1 at the
            highest of both; (H, W) is the size of the source times the request's `map_scale`. None unless
            the request asks for it.
    """

    actions: tuple[str, ...] = ()
    action_scores: np.ndarray | None = None
    collision: float | None = None
    goal_distance: float | None = None
    path: np.ndarray | None = None
    scan: np.ndarray | None = None
    scan_angles: np.ndarray | None = None
    free_space: np.ndarray | None = None
    token: np.ndarray | None = None
    depth_share: float | None = None
    attention: np.ndarray | None = None


@dataclass(frozen=True)
class Depth:
    """The distance of every pixel. (H, W) is the size of the source times the request's `map_scale`.

    Attributes:
        depth: (H, W) float32, NaN where it is unknown. Metres along the optical axis if `metric`, else
            inverse depth up to scale and shift, which is larger for what is nearer.
        metric: whether `depth` is in metres.
    """

    depth: np.ndarray
    metric: bool = True


@dataclass(frozen=True)
class Attention:
    """Where the model looks. (H, W) is the size of the source times the request's `map_scale`.

    Attributes:
        heatmap: (H, W) float32 in 0..1: attention of the last layer's class token, mean over the heads.
    """

    heatmap: np.ndarray


@dataclass(frozen=True)
class Perception:
    """The results for one frame, a field for each task; None where it was not requested or not trained.

    Attributes:
        image_size: (height, width) of the source image in pixels.
        stage_ms: milliseconds by stage: `preprocess`, `inference`, `decode`.
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
    """One frame of a recording.

    Attributes:
        index: from 1.
        image: (H, W, 3) uint8 RGB, as published.
        perception: the results for it.
        labels: class id → name, by task.
    """

    index: int
    image: np.ndarray
    perception: Perception
    labels: Mapping[str, Mapping[int, str]]
