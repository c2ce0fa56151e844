"""Boxes of several teachers → one list, by weighted boxes fusion (Solovyev et al. 2021)."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.install_hint import pip_install
from vit_perception.runtime.overlap import areas, intersections, overlaps


@dataclass(frozen=True)
class View:
    """What one teacher found in one view of a picture, in classes of the label space.

    Attributes:
        boxes: (N, 4) float32 `x_min, y_min, x_max, y_max` in pixels of the picture.
        class_ids: (N,) int64.
        scores: (N,) float32 in 0..1.
        knows: the classes that the teacher can find.
        weight: of its boxes, over 0.
    """

    boxes: np.ndarray
    class_ids: np.ndarray
    scores: np.ndarray
    knows: frozenset[int]
    weight: float = 1.0


def fuse_boxes(
    views: Sequence[View], size: tuple[int, int], iou: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fuse the boxes of several views.

    A class is fused among the views that know it. A view that knows it and found nothing lowers the score.

    Args:
        views: of the same picture.
        size: its height and width in pixels.
        iou: boxes of a class that overlap by more are one object.

    Returns:
        Boxes (M, 4) float32 in pixels, class ids (M,) int64 and scores (M,) float32, the highest score first.
    """
    height, width = size
    extent = np.array([width, height, width, height], np.float32)
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for members, classes in sorted(_by_members(views).items()):
        found = []
        for member in members:
            view = views[member]
            fractions = np.clip(view.boxes / extent, 0, 1)
            usable = np.isin(view.class_ids, classes) & (fractions[:, 2:] > fractions[:, :2]).all(axis=1)
            found.append((fractions[usable], view.scores[usable], view.class_ids[usable]))
        if any(len(scores) for _, scores, _ in found):
            weights = [views[member].weight for member in members]
            boxes, scores, labels = zip(*found, strict=True)
            parts.append(fusion_library()(boxes, scores, labels, weights=weights, iou_thr=iou))
    if not parts:
        return np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32)
    boxes, scores, class_ids = (np.concatenate(values) for values in zip(*parts, strict=True))
    order = np.argsort(-scores, kind="stable")
    return (
        (boxes[order] * extent).astype(np.float32),
        class_ids[order].astype(np.int64),
        scores[order].astype(np.float32),
    )


def box_overlap(boxes: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Overlap of every box (N, 4) with every other (M, 4).

    Returns:
        (N, M) intersection over union, and (N, M) intersection over the smaller of the two.
    """
    smaller = np.minimum(areas(boxes)[:, None], areas(others)[None])
    return overlaps(boxes, others), intersections(boxes, others) / np.maximum(smaller, 1e-9)


def _by_members(views: Sequence[View]) -> dict[tuple[int, ...], list[int]]:
    """Classes that are known to the same views, by these views."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for class_id in sorted(set().union(*(view.knows for view in views))):
        members = tuple(place for place, view in enumerate(views) if class_id in view.knows)
        groups.setdefault(members, []).append(class_id)
    return groups


@cache
def fusion_library() -> Callable[..., Any]:
    """`weighted_boxes_fusion` of ensemble-boxes.

    The package's own `__init__` imports numba, which brings 200 MB of compiler for its other methods. The
    file of this method needs only NumPy, and is loaded by itself.

    Raises:
        RuntimeError: it is not installed.
    """
    package = importlib.util.find_spec("ensemble_boxes")
    if package is None or not package.submodule_search_locations:
        raise RuntimeError(f"fusing boxes needs ensemble-boxes: {pip_install('--no-deps ensemble-boxes')}")
    file = Path(package.submodule_search_locations[0]) / "ensemble_boxes_wbf.py"
    spec = importlib.util.spec_from_file_location("ensemble_boxes_wbf", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[..., Any] = module.weighted_boxes_fusion
    return function
