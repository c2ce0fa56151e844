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
from vit_perception.data.open import is_dataset, open_dataset
from vit_perception.data.packs.unpack import folder_of
from vit_perception.hub.build import build_public
from vit_perception.hub.obtain import obtain_model
from vit_perception.hub.report import to_stderr
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request
from vit_perception.runtime.results import Perception
from vit_perception.tasks import NAVIGATION
from vit_perception.training.examples import Pictures
from vit_perception.training.metrics import METRIC_THRESHOLDS, evaluate
from vit_perception.training.spaces import space_of_card
from vit_perception.training.split import read_split


def labelled_pictures(data: Path, card: Card) -> JoinedDataset | None:
    """The labelled pictures of a folder or a pack, in the labels of a model; None where it has none.

    Raises:
        ValueError: the folder is a dataset that cannot be opened.
    """
    if not is_dataset(data := folder_of(data)):
        return None
    dataset, space = open_dataset(data), space_of_card(card)
    if all(found is None for found in space.ids_of(dataset.space)):
        return None
    return JoinedDataset([dataset], space)


def judge(predictor: Predictor, pictures: Pictures, numbers: Iterable[int]) -> dict[str, float]:
    """All metrics of `metrics.evaluate`, through the engine that runs on the robot.

    A navigator is not asked for the way: it is to a goal, and a photograph has none.
    """
    tasks = predictor.tasks if predictor.navigation is None else set(predictor.tasks) - {NAVIGATION}
    request = Request(tasks=tuple(tasks), thresholds=METRIC_THRESHOLDS)

    def predict(rgb: np.ndarray) -> Perception:
        return predictor(rgb, order="rgb", request=request)

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


def numbers_to_measure(pictures: Pictures, splits: Path | None = None) -> list[int]:
    """Numbers of the pictures to measure a model on.

    Args:
        pictures: all of them.
        splits: the `splits.yaml` of the run that trained the model: its part that reports. None: what the
            dataset holds out as `report`, `test` or `val`, the first that it has; else all.
    """
    if splits is not None:
        return read_split(splits, [pictures.name(number) for number in range(len(pictures))])["report"]
    for part in ("report", "test", "val"):
        if part in pictures.parts and len(pictures.parts[part]):
            return [int(number) for number in pictures.parts[part]]
    return list(range(len(pictures)))


def make_parser() -> argparse.ArgumentParser:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description="Metrics of a model on labelled pictures, in percent.")
    parser.add_argument("--data", type=Path, required=True, help="folder of a dataset, or a pack")
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
    if pictures is None:
        raise SystemExit(f"{arguments.data} has no labels of this model: give a folder with a dataset")
    numbers = numbers_to_measure(pictures, arguments.splits)
    predictor = Predictor(folder, arguments.engine, build_public=build_public)
    engine = predictor.engine
    place = f"{engine.name}, {engine.device}, {engine.precision}"
    print(f"{predictor.card.name} on {place}: {len(numbers)} pictures")
    for name, value in judge(predictor, pictures, numbers).items():
        print(f"{name:24}{value:6.1f}")


if __name__ == "__main__":
    main()
