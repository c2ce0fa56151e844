"""A model's temperatures, fitted on pictures that were held out, and its calibration error on others."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.runtime.decode import decode
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.request import Request
from vit_perception.runtime.results import UNLABELLED, Detection
from vit_perception.tasks import CLASSIFICATION, DETECTION, SEGMENTATION
from vit_perception.training.boxes import match_boxes
from vit_perception.training.examples import Example, Pictures, read_example
from vit_perception.training.metrics import METRIC_THRESHOLDS, presence_of
from vit_perception.training.temperature import (
    binary_loss,
    calibration_error,
    fit_temperature,
    softmax_loss,
)

# Boxes with lower scores are far too many to be looked at, and nearly all wrong.
LEAST_SCORE = 0.05
_PIXELS = 2000  # of each picture
_TASKS = (CLASSIFICATION, SEGMENTATION, DETECTION)


def calibrate(predictor: Predictor, pictures: Pictures, numbers: Iterable[int]) -> Card:
    """The card of a model with the temperatures that make its scores probabilities on these pictures.

    That of segmentation comes first, because the mask weighs in the scores of boxes.

    Args:
        predictor: of the model, as a robot runs it.
        pictures: with the labels of the card.
        numbers: of those that chose nothing else.
    """
    card = predictor.card
    numbers = list(numbers)
    for task in _TASKS:
        if task not in card.tasks:
            continue
        card = _with_temperature(card, task, 1.0)
        logits, truth = _gathered(predictor, card, task, pictures, numbers)
        card = _with_temperature(card, task, _temperature(task, logits, truth))
    return card


def measure_calibration(predictor: Predictor, pictures: Pictures, numbers: Iterable[int]) -> dict[str, float]:
    """Expected calibration error of each head in points, `<task>_before` and `<task>_after`.

    Before is without temperatures, after is with those of the card.

    Args:
        predictor: of the model, with the temperatures.
        pictures: with the labels of the card.
        numbers: of those that fitted no temperature.
    """
    card, numbers = predictor.card, list(numbers)
    plain = card
    for task in _TASKS:
        plain = _with_temperature(plain, task, 1.0)
    found: dict[str, float] = {}
    for task in (task for task in _TASKS if task in card.tasks):
        logits, truth = _gathered(predictor, plain, task, pictures, numbers)
        if len(truth):
            found[f"{task}_before"] = calibration_error(*_claims(task, logits, truth, 1.0))
        if task == DETECTION:  # boxes come decoded, and the mask's temperature weighs in their scores
            logits, truth = _gathered(predictor, card, task, pictures, numbers)
        if len(truth):
            temperature = getattr(card.decoding, task).temperature
            found[f"{task}_after"] = calibration_error(*_claims(task, logits, truth, temperature))
    return found


def _temperature(task: str, logits: np.ndarray, truth: np.ndarray) -> float:
    """The best one for a head; 1 where nothing tells."""
    if not len(truth):
        return 1.0
    return fit_temperature(
        softmax_loss(logits, truth) if task == SEGMENTATION else binary_loss(logits, truth)
    )


def _with_temperature(card: Card, task: str, temperature: float) -> Card:
    rule = dataclasses.replace(getattr(card.decoding, task), temperature=temperature)
    return dataclasses.replace(card, decoding=dataclasses.replace(card.decoding, **{task: rule}))


def _claims(
    task: str, logits: np.ndarray, truth: np.ndarray, temperature: float
) -> tuple[np.ndarray, np.ndarray]:
    """What a head claims, in 0..1, and whether it was right."""
    if task == SEGMENTATION:
        scaled = logits.astype(np.float64) / temperature
        values = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return (values / values.sum(axis=1, keepdims=True)).max(axis=1), logits.argmax(axis=1) == truth
    # Boxes come decoded, with their temperature.
    divisor = 1.0 if task == DETECTION else temperature
    return 0.5 * (1 + np.tanh(0.5 * logits / divisor)), truth


def _gathered(
    predictor: Predictor, card: Card, task: str, pictures: Pictures, numbers: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Logits and truth of a head over pictures, see `_of_*`."""
    found = []
    for number in numbers:
        example = read_example(pictures, number)
        raw, geometry = predictor.raw(example.rgb, "rgb", _TASKS)
        if task == CLASSIFICATION:
            found.append(_of_classes(raw["classification"][0], example))
        elif task == SEGMENTATION:
            found.append(_of_pixels(raw["segmentation"][0], example, geometry))
        else:
            request = Request((DETECTION,), {**METRIC_THRESHOLDS, DETECTION: LEAST_SCORE})
            answer = decode(raw, geometry, card, request).detection
            assert answer is not None
            found.append(_of_boxes(answer, example))
    logits, truth = zip(*found, strict=True)
    return np.concatenate(logits), np.concatenate(truth)


def _of_classes(logits: np.ndarray, example: Example) -> tuple[np.ndarray, np.ndarray]:
    """(N,) logits of the classes that are known to be present or absent, and which are present."""
    present = presence_of(example, len(logits))
    known = ~np.isnan(present)
    return logits[known], present[known] == 1


def _of_pixels(logits: np.ndarray, example: Example, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """(N, C) logits of cells, and the class at the middle of each, (N,); of labelled ones."""
    semantic = example.annotation.semantic
    if semantic is None:
        return np.zeros((0, len(logits)), np.float32), np.zeros(0, np.int64)
    height, width = logits.shape[1:]
    places = []
    for cells, side, scale, offset, extent in zip(
        (height, width), geometry.input, geometry.scale, geometry.offset, geometry.source, strict=True
    ):
        middle = ((np.arange(cells) + 0.5) * side / cells - offset) / scale
        places.append(np.where((middle >= 0) & (middle < extent), middle.astype(int), -1))
    rows, columns = np.meshgrid(*places, indexing="ij")
    truth = np.where((rows >= 0) & (columns >= 0), semantic[rows, columns], UNLABELLED).reshape(-1)
    known = np.flatnonzero(truth != UNLABELLED)
    known = known[:: max(1, len(known) // _PIXELS)]
    return logits.reshape(len(logits), -1).T[known], truth[known].astype(np.int64)


def _of_boxes(found: Detection, example: Example) -> tuple[np.ndarray, np.ndarray]:
    """(N,) log-odds of answers, and which found an object."""
    scores, right = match_boxes(found, example)
    certain = scores.astype(np.float64).clip(1e-6, 1 - 1e-6)
    return np.log(certain) - np.log1p(-certain), right
