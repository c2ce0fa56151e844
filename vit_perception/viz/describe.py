"""Results and model cards as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import indent
from typing import Any

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.runtime.results import Depth, Navigation, Perception
from vit_perception.tasks import ATTENTION, CLASSIFICATION, DEPTH, DETECTION, NAVIGATION, SEGMENTATION

_INDENT = 16


def describe_perception(perception: Perception, card: Card) -> str:
    """A block of text for each task; tasks without an answer are left out."""
    return "\n".join(_entry(task, lines) for task, lines in _answers(perception, card))


def describe_card(card: Card) -> str:
    """A model's description, tasks, classes, input, metrics and licence."""
    entries = (
        ("about", [card.description]),
        ("tasks", [", ".join(card.tasks)]),
        ("trained heads", [", ".join(card.trained)]),
        ("labels", [", ".join(card.labels)]),
        ("input", [", ".join(f"{width}x{height}" for height, width in card.input_sizes) + " pixels"]),
        ("metrics", list(_flat(card.metrics)) or ["none stated"]),
        ("licence", [card.licence]),
        ("folder", [str(card.folder)]),
    )
    return "\n".join([card.name, *(indent(_entry(name, lines), "  ") for name, lines in entries)])


def describe_source(card: Card) -> str:
    """An adopted model in one line: name, tasks, engines, licence and source."""
    engines = "OpenVINO, ONNX Runtime, PyTorch" if "onnx" in card.files else "PyTorch"
    source = "" if card.source == card.name else f"; from {card.source}"
    return f"{card.name}: {', '.join(card.tasks)}; {engines}; {card.licence}{source}"


def _entry(name: str, lines: list[str]) -> str:
    first, *others = lines
    return "\n".join([f"{name:<{_INDENT}}{first}", *(" " * _INDENT + line for line in others)])


def _answers(perception: Perception, card: Card) -> Iterator[tuple[str, list[str]]]:
    if (classes := perception.classification) is not None:
        found = [
            f"{card.labels[class_id]} {score:.2f}"
            for class_id, score in zip(classes.class_ids, classes.scores, strict=True)
        ]
        yield CLASSIFICATION, [", ".join(found) or f"nothing above {card.thresholds[CLASSIFICATION]}"]
    if (boxes := perception.detection) is not None:
        found = [
            "{} {:.2f} at {:.0f},{:.0f} to {:.0f},{:.0f}".format(card.labels[class_id], score, *box)
            for box, class_id, score in zip(boxes.boxes, boxes.class_ids, boxes.scores, strict=True)
        ]
        yield DETECTION, found or [f"nothing above {card.thresholds[DETECTION]}"]
    if (pixels := perception.segmentation) is not None:
        class_ids, counts = np.unique(pixels.mask, return_counts=True)
        shares = sorted(zip(counts / pixels.mask.size, class_ids, strict=True), reverse=True)
        yield (
            SEGMENTATION,
            [
                ", ".join(
                    f"{card.labels[class_id] if class_id < len(card.labels) else 'unlabelled'} {share:.0%}"
                    for share, class_id in shares
                    if share >= 0.005
                )
            ],
        )
    if perception.navigation is not None:
        yield NAVIGATION, [", ".join(_navigation(perception.navigation)) or "no head trained"]
    if (depth := perception.depth) is not None:
        yield DEPTH, [_depth(depth)]
    if perception.attention is not None:
        heatmap = perception.attention.heatmap
        row, column = np.unravel_index(int(heatmap.argmax()), heatmap.shape)
        yield ATTENTION, [f"strongest at {column},{row}"]


def _depth(answer: Depth) -> str:
    known = answer.depth[np.isfinite(answer.depth)]
    if not known.size:
        return "nothing known"
    low, middle, high = np.percentile(known, (2, 50, 98))
    if answer.metric:
        return f"nearest {low:.2f} m, median {middle:.2f} m, farthest {high:.2f} m"
    return f"relative, larger is nearer: {low:.2f} to {high:.2f}, median {middle:.2f}"


def _navigation(navigation: Navigation) -> Iterator[str]:
    if navigation.action_scores is not None:
        best = int(np.argmax(navigation.action_scores))
        yield f"{navigation.actions[best]} {navigation.action_scores[best]:.2f}"
    if navigation.collision is not None:
        yield f"way ahead blocked {navigation.collision:.2f}"
    if navigation.goal_distance is not None:
        yield f"goal in {navigation.goal_distance:.1f} m"


def _flat(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}: {value}"
