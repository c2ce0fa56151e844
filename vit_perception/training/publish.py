"""A trained model → the folder that a robot launches: graph, int8, temperatures, thresholds, metrics."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.cards.card import Card, load_card, write_card
from vit_perception.export.auto_precision import compare_auto
from vit_perception.export.export import export
from vit_perception.model import PerceptionModel
from vit_perception.runtime.decode import decode
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.request import Request
from vit_perception.tasks import DETECTION
from vit_perception.training.calibrate import calibrate, measure_calibration
from vit_perception.training.evaluate import compare_precisions, judge
from vit_perception.training.examples import Example, Pictures, read_example
from vit_perception.training.metrics import METRIC_THRESHOLDS, Metrics
from vit_perception.training.split import Split
from vit_perception.training.thresholds import choose_thresholds

# Of the training pictures, from which int8 takes its ranges.
_FRAMES = 64
# Of those that report, on which `auto` is compared with fp32.
_COMPARED = 16
# How much the mask may weigh in the scores of boxes.
_AGREEMENTS = (0.0, 0.35, 0.7)


def publish(
    model: PerceptionModel,
    card: Card,
    pictures: Pictures,
    split: Split,
    folder: Path,
    report: Callable[[str], None] = print,
) -> Card:
    """Export a model, and write on its card what was chosen and measured.

    What the card needs is chosen on the pictures that choose, temperatures are fitted on those that
    calibrate, and the metrics are of those that report.

    Args:
        model: the best one, on the CPU.
        card: without files and metrics, and with any thresholds.
        pictures: all of them.
        split: which of them are for what.
        folder: of the model, made if need be.
        report: called with a line for each stage.

    Returns:
        The card as it was written.
    """
    report(f"largest difference of the graph from torch: {max(export(model, card, folder).values()):.1e}")
    if importlib.util.find_spec("nncf") is None:
        report("no int8 graph: install NNCF and run vit-perception quantize")
    else:
        _quantize(folder, pictures, split["train"], report)
    predictor = Predictor(folder)
    card = _with_agreement(predictor, pictures, split["choose"])
    write_card(card)
    predictor = Predictor(folder)
    card = calibrate(predictor, pictures, split["calibrate"])
    chosen = _answers(predictor, pictures, split["choose"])
    card = dataclasses.replace(card, thresholds=choose_thresholds(card, chosen))
    write_card(card)
    report("measuring on the pictures that report")
    predictor, held = Predictor(folder), split["report"]
    engine = predictor.engine
    measured = {"photographs": len(held), "engine": f"{engine.name} {engine.precision}"}
    metrics: dict[str, Any] = {"held_out": {**measured, **judge(predictor, pictures, held)}}
    errors = measure_calibration(predictor, pictures, held)
    metrics["calibration_error"] = {"photographs": len(held), **errors}
    if "int8" in card.files:
        metrics["int8"] = compare_precisions(folder, pictures, held)
    write_card(dataclasses.replace(card, metrics=metrics))
    return compare_auto(folder, [pictures.picture(number) for number in held[:_COMPARED]], report)


def _quantize(folder: Path, pictures: Pictures, train: list[int], report: Callable[[str], None]) -> None:
    from vit_perception.export.quantize import quantize

    places = np.unique(np.linspace(0, len(train) - 1, min(_FRAMES, len(train))).astype(int))
    frames = [pictures.picture(train[place]) for place in places]
    # All of it in int8. `vit-perception quantize` also tries each part in higher precision, which takes
    # as long again for each.
    write_card(quantize(load_card(folder), frames, keep=(), report=report))


def _answers(
    predictor: Predictor, pictures: Pictures, numbers: Iterable[int]
) -> Iterator[tuple[Example, dict[str, np.ndarray], Geometry]]:
    """Pictures with their labels, and what the network gives for them."""
    for number in numbers:
        example = read_example(pictures, number)
        yield example, *predictor.raw(example.rgb, "rgb")


def _with_agreement(predictor: Predictor, pictures: Pictures, numbers: list[int]) -> Card:
    """The card with the weight of the mask in the scores of boxes that gives the highest AP50, of classes and
    groups: by that of classes alone, groups lost 4 to 7 points."""
    card = predictor.card
    if "detection" not in card.trained or "segmentation" not in card.trained:
        return card
    cards = [dataclasses.replace(card, mask_agreement=weight) for weight in _AGREEMENTS]
    found = [Metrics(pictures.space) for _ in cards]
    request = Request((DETECTION,), METRIC_THRESHOLDS)
    for example, raw, geometry in _answers(predictor, pictures, numbers):
        for tried, metrics in zip(cards, found, strict=True):
            metrics.add(example, decode(raw, geometry, tried, request))
    scores = [metrics.boxes_of_classes_and_groups() for metrics in found]
    return cards[int(np.argmax(scores))]
