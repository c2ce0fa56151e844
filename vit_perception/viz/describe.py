"""Results and model cards as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import indent, wrap
from typing import Any

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.cards.groups import groups
from vit_perception.runtime.results import Depth, Navigation, Perception
from vit_perception.tasks import ATTENTION, CLASSIFICATION, DEPTH, DETECTION, NAVIGATION, SEGMENTATION

_INDENT = 16
_WIDTH = 100  # of a line of a card's entry, where words can be parted


def describe_perception(perception: Perception, card: Card) -> str:
    """A block of text for each task; tasks without an answer are left out."""
    return "\n".join(_entry(task, lines) for task, lines in _answers(perception, card))


def describe_card(card: Card) -> str:
    """A model's description, tasks, classes, input, metrics and licence."""
    entries = (
        ("about", [card.description]),
        ("tasks", [", ".join(card.tasks)]),
        ("trained heads", [", ".join(card.trained)]),
        ("labels", list(_labels(card))),
        ("input", [", ".join(f"{width}x{height}" for height, width in card.input_sizes) + " pixels"]),
        ("metrics", list(_flat(card.metrics)) or ["none stated"]),
        ("licence", [card.licence]),
        ("folder", [str(card.folder)]),
    )
    return "\n".join([card.name, *(indent(_entry(name, _wrapped(lines)), "  ") for name, lines in entries)])


def describe_source(card: Card) -> str:
    """An adopted model in one line: name, tasks, engines, licence and source."""
    engines = "OpenVINO, ONNX Runtime, PyTorch" if "onnx" in card.files else "PyTorch"
    source = "" if card.source == card.name else f"; from {card.source}"
    return f"{card.name}: {', '.join(card.tasks)}; {engines}; {card.licence}{source}"


def _entry(name: str, lines: list[str]) -> str:
    first, *others = lines
    return "\n".join([f"{name:<{_INDENT}}{first}", *(" " * _INDENT + line for line in others)])


def _wrapped(lines: list[str]) -> list[str]:
    """Long lines in several, the later ones set in."""
    parts = (
        wrap(line, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        for line in lines
    )
    return [part for each in parts for part in each or [""]]


def _labels(card: Card) -> Iterator[str]:
    """All labels in one line; where the card has groups, a line for each group."""
    if not card.coarse:
        yield ", ".join(card.labels)
    for group, class_ids in groups(card).items():
        names = [card.labels[class_id] for class_id in class_ids]
        yield group if names == [group] else f"{group}: {', '.join(names)}"


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
    if navigation.scan is not None:
        middle = len(navigation.scan) // 2
        yield f"{navigation.scan[middle - 1 : middle + 1].min():.1f} m free ahead"


def _flat(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """A line for each metric; those of single labels share one, for there may be a hundred."""
    by_label: dict[str, list[str]] = {}
    for name, value in metrics.items():
        kind, slash, label = name.partition("/")
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif slash:
            by_label.setdefault(kind, []).append(f"{label} {value}")
        else:
            yield f"{prefix}{name}: {value}"
    for kind, values in by_label.items():
        yield f"{prefix}{kind} by label: {', '.join(values)}"
