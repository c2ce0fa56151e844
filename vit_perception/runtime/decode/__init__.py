"""Raw outputs of the network (see raw_outputs.py) to results in source pixels, one module for each task.

Each takes the outputs of one frame, without the batch axis.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.cards.raw_outputs import needed
from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.runtime.decode.activation import cooled
from vit_perception.runtime.decode.attention import attention
from vit_perception.runtime.decode.classification import classification
from vit_perception.runtime.decode.depth import depth
from vit_perception.runtime.decode.detection import MAX_DETECTIONS, detection
from vit_perception.runtime.decode.navigation import navigation
from vit_perception.runtime.decode.navigator import navigator
from vit_perception.runtime.decode.queries import Segments, segments
from vit_perception.runtime.decode.segmentation import ClassProbabilities, interpolated, segmentation
from vit_perception.runtime.navigation_input import IMAGE_ALONE, NavigationInput
from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.request import DEFAULT_REQUEST, Request
from vit_perception.runtime.results import Perception
from vit_perception.tasks import ATTENTION, CLASSIFICATION, DEPTH, DETECTION, NAVIGATION, SEGMENTATION

__all__ = ["MAX_DETECTIONS", "decode", "navigation"]


def decode(
    outputs: Mapping[str, np.ndarray],
    geometry: Geometry,
    card: Card,
    request: Request = DEFAULT_REQUEST,
    given: NavigationInput = IMAGE_ALONE,
) -> Perception:
    """Decode the first frame of a batch.

    Args:
        outputs: raw outputs of the network by name, each with a batch axis.
        geometry: how the frame lies in the network's input.
        card: of the model.
        request: what to compute, of the tasks that the model was trained for. This is the one place where
            the thresholds of classification and detection act.
        given: what a navigator got beside the image.

    Raises:
        ValueError: an output is missing, does not fit the card, or has values that are not finite: without
            them, the scene would look empty.
    """
    tasks = card.tasks if request.tasks is None else request.tasks
    thresholds = {**card.thresholds, **request.thresholds}
    wanted = [task for task in tasks if task in card.tasks]
    raw = {}
    for name in needed(card, tasks):
        if name not in outputs:
            raise ValueError(f"the model gives no output {name!r}, only {', '.join(outputs)}")
        raw[name] = outputs[name][0]
    _check(raw, card)
    _check_finite(raw, card)
    rules = card.decoding
    maps = geometry.of_maps(request.map_scale)
    found: dict[str, Any] = {}
    if CLASSIFICATION in wanted:
        found[CLASSIFICATION] = classification(
            raw["classification"], rules.classification, thresholds[CLASSIFICATION]
        )
    if "query_masks" in raw:
        least = thresholds.get(DETECTION, 0.0)
        found |= _of_queries(segments(raw, rules.segmentation, geometry, maps, least), wanted)
    probabilities = None
    if "segmentation" in raw:
        logits, temperature = raw["segmentation"], rules.segmentation.temperature
        if rules.segmentation.kind == "probabilities":
            probabilities = ClassProbabilities.of(logits, temperature)
        if SEGMENTATION in wanted:
            found[SEGMENTATION] = (
                interpolated(cooled(logits, temperature), maps)
                if probabilities is None
                else segmentation(probabilities, maps)
            )
    if "detection_boxes" in raw:
        found[DETECTION] = detection(raw, probabilities, geometry, card, thresholds[DETECTION])
    if NAVIGATION in wanted:
        found[NAVIGATION] = navigation(raw, card.actions)
        if (config := NavigationConfig.of(card.architecture)) is not None:
            found[NAVIGATION] = navigator(
                found[NAVIGATION],
                raw,
                config,
                given,
                geometry,
                maps if request.navigation_attention else None,
            )
    if DEPTH in wanted:
        found[DEPTH] = depth(raw["depth"], rules.depth, maps)
    if ATTENTION in wanted:
        found[ATTENTION] = attention(raw["attention"], maps)
    return Perception(image_size=geometry.source, **found)


def _of_queries(found: Segments, wanted: Iterable[str]) -> dict[str, Any]:
    """The wanted results among those that the segments give."""
    results = {SEGMENTATION: found.segmentation, DETECTION: found.detection}
    return {task: result for task, result in results.items() if task in wanted and result is not None}


def _check(raw: Mapping[str, np.ndarray], card: Card) -> None:
    """Raise ValueError if the number of an output's channels is not that of the card."""
    rule = card.decoding.detection.kind  # a softmax has one more channel, for "no object"
    for name, axis, count, what in (
        ("classification", 0, len(card.labels), "labels"),
        ("query_scores", 1, len(card.labels) + 1, "labels and one for none"),
        ("detection_scores", 1, len(card.things) + (rule == "softmax"), "things"),
        ("segmentation", 0, len(card.labels), "labels"),
        ("navigation_action", 0, len(card.actions), "actions"),
    ):
        if name in raw and raw[name].shape[axis] != count:
            raise ValueError(
                f"output {name!r} has {raw[name].shape[axis]} channels, but the card {count} {what}"
            )


def _check_finite(raw: Mapping[str, np.ndarray], card: Card) -> None:
    """Raise ValueError if an output has values that are not finite. Depth may be infinite, as the sky is."""
    for name, values in raw.items():
        # A sum is finite only if its terms are, and takes a fifth of the time of looking at each.
        with np.errstate(all="ignore"):
            total = values.sum()
        if np.isfinite(total) or (name == "depth" and not np.isnan(values).any()):
            continue
        if not np.isfinite(values).all():
            raise ValueError(
                f"model {card.name} gives values that are not finite in its output {name!r}: set another "
                "precision, such as fp32, or another model"
            )
