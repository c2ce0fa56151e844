#!/usr/bin/env python3
"""Accuracy and latency of the default model with token reduction: `measure_token_reduction.py --data DIR`.

Metrics on what the dataset holds out, else on all of it, without training after the reduction, and the
latency of the engine relative to that of the whole model, both measured in turns in one run.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from safetensors.torch import load_file

from vit_perception.cards.card import Card, load_card
from vit_perception.cards.locate import DEFAULT_MODEL, find_model
from vit_perception.export.export import export
from vit_perception.model import PerceptionModel, build_model
from vit_perception.runtime.predictor import Predictor
from vit_perception.training.evaluate import judge, labelled_pictures, numbers_to_measure

SETTINGS = (None, *((kind, rate) for kind in ("merge", "prune") for rate in (0.02, 0.04, 0.06)))
ROUNDS = 15


def reduced(card: Card, setting: tuple[str, float] | None) -> PerceptionModel:
    """The model of a card with its tokens reduced."""
    architecture = copy.deepcopy(dict(card.architecture))
    if setting is not None:
        kind, rate = setting
        architecture["backbone"] = dict(architecture["backbone"]) | {
            "reduction": {"kind": kind, "rate": rate}
        }
    model = build_model(architecture)
    model.load_state_dict({key: value.float() for key, value in load_file(card.file("weights")).items()})
    return model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of a dataset")
    parser.add_argument("--engine", default="auto", help="auto, openvino or onnxruntime")
    arguments = parser.parse_args()
    card = load_card(find_model(DEFAULT_MODEL))
    pictures = labelled_pictures(arguments.data, card)
    if pictures is None:
        raise SystemExit(f"{arguments.data} has no labels of {card.name}: give a dataset that has")
    held = numbers_to_measure(pictures)
    with tempfile.TemporaryDirectory() as folder:
        predictors = {}
        for index, setting in enumerate(SETTINGS):
            place = Path(folder, str(index))
            export(reduced(card, setting), card, place)
            predictors[setting] = Predictor(str(place), arguments.engine)
        batch = np.zeros((1, 3, *card.input_sizes[0]), np.float32)
        seconds: dict[tuple[str, float] | None, list[float]] = {setting: [] for setting in SETTINGS}
        for _ in range(ROUNDS):
            for setting, predictor in predictors.items():
                start = time.perf_counter()
                predictor.engine(batch)
                seconds[setting].append(time.perf_counter() - start)
        engine = predictors[None].engine
        print(
            f"{card.name}, {engine.name} {engine.precision}, {card.input_sizes[0]}, {len(held)} photographs\n"
        )
        full = statistics.median(seconds[None])
        for index, (setting, predictor) in enumerate(predictors.items()):
            metrics = judge(predictor, pictures, held)
            if index == 0:
                print("| tokens | latency |", " | ".join(metrics), "|")
                print("|---|---|" + "---|" * len(metrics))
            name = "all" if setting is None else f"{setting[0]} {setting[1]:.0%}"
            latency = statistics.median(seconds[setting]) / full
            print(
                f"| {name} | {latency:.2f} |",
                " | ".join(f"{m:.1f}" for m in metrics.values()),
                "|",
                flush=True,
            )


if __name__ == "__main__":
    main()
