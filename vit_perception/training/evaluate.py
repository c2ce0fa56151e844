"""Evaluate an exported model as a robot runs it: `python -m vit_perception.training.evaluate --data DIR`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.cards.card import Card, load_card
from vit_perception.cards.locate import DEFAULT_MODEL
from vit_perception.data.joined import JoinedDataset
from vit_perception.data.label_space import Label, LabelSpace, read_label_space
from vit_perception.data.open import open_dataset
from vit_perception.hub.build import build_public
from vit_perception.hub.obtain import obtain_model
from vit_perception.hub.report import to_stderr
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request
from vit_perception.runtime.results import Perception
from vit_perception.training.examples import Pictures
from vit_perception.training.metrics import METRIC_THRESHOLDS, evaluate
from vit_perception.training.split import read_split


def space_of_card(card: Card) -> LabelSpace:
    """The labels of a model, with what the default label space knows of them.

    A label that is one of its coarse groups stands for all labels of this group that the model does not have
    itself: so a model of `vehicle` is measured on pictures with cars and trucks.
    """
    default = read_label_space()
    names = set(card.labels)
    labels = []
    for class_id, name in enumerate(card.labels):
        thing = class_id in card.things
        found = default.find(name)
        if found is not None and name not in default.coarse_names:
            known = default.labels[found]
            aliases = tuple({known.name, *known.aliases} - names)
            labels.append(Label(name, aliases, known.coarse, thing=thing, drivable=known.drivable))
            continue
        members = [label for label in default.labels if label.coarse == name and label.name not in names]
        if found is not None:
            members.append(default.labels[found])
        aliases = tuple({each for label in members for each in (label.name, *label.aliases)} - names)
        drivable = any(label.drivable for label in members)
        labels.append(Label(name, aliases, thing=thing, drivable=drivable))
    return LabelSpace(tuple(labels))


def labelled_pictures(data: Path, card: Card) -> JoinedDataset:
    """The labelled pictures of a folder, in the labels of a model.

    Raises:
        ValueError: the folder is no dataset, or has none of these labels.
    """
    return JoinedDataset([open_dataset(data)], space_of_card(card))


def judge(predictor: Predictor, pictures: Pictures, numbers: Iterable[int]) -> dict[str, float]:
    """All metrics of `metrics.evaluate`, through the engine that runs on the robot."""

    def predict(rgb: np.ndarray) -> Perception:
        return predictor(rgb, order="rgb", request=Request(thresholds=METRIC_THRESHOLDS))

    return evaluate(pictures, numbers, predict)


def in_both_precisions(folder: Path) -> tuple[Predictor, Predictor]:
    """The model of a folder in fp32 and in int8, both in OpenVINO on the CPU."""
    exact, fast = (
        Predictor(folder, "openvino", "cpu", precision=name, build_public=build_public)
        for name in ("fp32", "int8")
    )
    return exact, fast


def compare_precisions(folder: Path, pictures: Pictures, numbers: Iterable[int]) -> dict[str, Any]:
    """What int8 costs in accuracy.

    Args:
        folder: of a model that has an int8 graph.
        pictures: labelled, in the labels of the model.
        numbers: of those to measure on.

    Returns:
        The metrics over all classes, as `<name>_fp32` and `<name>_int8`, and `photographs`, their number.
    """
    numbers = list(numbers)
    exact, fast = in_both_precisions(folder)
    before, after = judge(exact, pictures, numbers), judge(fast, pictures, numbers)
    measured: dict[str, Any] = {"photographs": len(numbers)}
    for name, value in before.items():
        if "/" not in name:
            measured |= {f"{name}_fp32": value, f"{name}_int8": after[name]}
    return measured


def numbers_of_part(pictures: Pictures, splits: Path | None, part: str) -> list[int]:
    """Numbers of the pictures of a part.

    Args:
        pictures: all of them.
        splits: the `splits.yaml` of a training run; None: all pictures.
        part: of `splits`.
    """
    if splits is None:
        return list(range(len(pictures)))
    return read_split(splits, [pictures.name(number) for number in range(len(pictures))])[part]


def make_parser() -> argparse.ArgumentParser:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description="Metrics of a model on labelled pictures, in percent.")
    parser.add_argument("--data", type=Path, required=True, help="folder of a dataset")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name or folder of a model")
    parser.add_argument("--engine", default="auto", help="auto, openvino, onnxruntime or torch")
    parser.add_argument(
        "--splits", type=Path, help="splits.yaml of a training run: measure on the part that reports"
    )
    return parser


def main() -> None:
    arguments = make_parser().parse_args()
    folder = obtain_model(arguments.model, to_stderr)
    pictures = labelled_pictures(arguments.data, load_card(folder))
    numbers = numbers_of_part(pictures, arguments.splits, "report")
    predictor = Predictor(folder, arguments.engine, build_public=build_public)
    engine = predictor.engine
    print(
        f"{predictor.card.name} on {engine.name}, {engine.device}, {engine.precision}: {len(numbers)} pictures"
    )
    for name, value in judge(predictor, pictures, numbers).items():
        print(f"{name:24}{value:6.1f}")


if __name__ == "__main__":
    main()
