"""Evaluate an exported model as a robot runs it: `python -m vit_perception.training.evaluate --data DIR`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.cards.locate import DEFAULT_MODEL
from vit_perception.data.coco import Photograph, load_photographs, split
from vit_perception.hub.build import build_public
from vit_perception.hub.obtain import obtain_model
from vit_perception.hub.report import to_stderr
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request
from vit_perception.runtime.results import Perception
from vit_perception.training.metrics import METRIC_THRESHOLDS, evaluate


def judge(predictor: Predictor, photographs: Sequence[Photograph]) -> dict[str, float]:
    """All metrics of `metrics.evaluate`, through the engine that runs on the robot."""

    def predict(rgb: np.ndarray) -> Perception:
        return predictor(rgb, order="rgb", request=Request(thresholds=METRIC_THRESHOLDS))

    return evaluate(photographs, predict)


def in_both_precisions(folder: Path) -> tuple[Predictor, Predictor]:
    """The model of a folder in fp32 and in int8, both in OpenVINO on the CPU."""
    exact, fast = (
        Predictor(folder, "openvino", "cpu", precision=name, build_public=build_public)
        for name in ("fp32", "int8")
    )
    return exact, fast


def compare_precisions(folder: Path, photographs: Sequence[Photograph]) -> dict[str, Any]:
    """What int8 costs in accuracy.

    Args:
        folder: Of a model that has an int8 graph.
        photographs: Labelled, in the classes of `data.classes`.

    Returns:
        The metrics over all classes, as `<name>_fp32` and `<name>_int8`, and `photographs`, their number.
    """
    exact, fast = in_both_precisions(folder)
    before, after = judge(exact, photographs), judge(fast, photographs)
    measured: dict[str, Any] = {"photographs": len(photographs)}
    for name, value in before.items():
        if "/" not in name:
            measured |= {f"{name}_fp32": value, f"{name}_int8": after[name]}
    return measured


def make_parser() -> argparse.ArgumentParser:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        description="Metrics of a model on the held-out fifth of the photographs, in percent."
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with images/, boxes/, panoptic/")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name or folder of a model")
    parser.add_argument("--engine", default="auto", help="auto, openvino, onnxruntime or torch")
    return parser


def main() -> None:
    arguments = make_parser().parse_args()
    _, held = split(load_photographs(arguments.data))
    predictor = Predictor(
        obtain_model(arguments.model, to_stderr), arguments.engine, build_public=build_public
    )
    engine = predictor.engine
    print(
        f"{predictor.card.name} on {engine.name}, {engine.device}, {engine.precision}: {len(held)} held out"
    )
    for name, value in judge(predictor, held).items():
        print(f"{name:24}{value:6.1f}")


if __name__ == "__main__":
    main()
