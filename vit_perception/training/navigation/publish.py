"""A trained navigator → the folder that a robot launches, measured as a robot runs it: frame after frame."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.cards.card import Card, load_card, write_card
from vit_perception.data.dataset import Dataset
from vit_perception.export.export import export
from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.model import PerceptionModel
from vit_perception.runtime.navigation_history import NavigationHistory
from vit_perception.runtime.navigation_input import NavigationInput
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request
from vit_perception.tasks import NAVIGATION
from vit_perception.training.navigation.drives import Drive
from vit_perception.training.navigation.frames import Frames
from vit_perception.training.navigation.metrics import NavigationMetrics

# Pictures from which int8 takes its ranges.
_FRAMES = 64


def publish_navigator(
    model: PerceptionModel,
    card: Card,
    held: Sequence[Drive],
    datasets: Sequence[Dataset],
    frames: Sequence[Frames],
    folder: Path,
    report: Callable[[str], None] = print,
) -> Card:
    """Export a model, and write on its card what its navigator does on drives that were held out.

    Args:
        model: on the CPU.
        card: without files and metrics.
        held: drives to measure on.
        datasets: whose pictures they are.
        frames: of these datasets.
        folder: of the model, made if need be.
        report: called with a line for each stage.

    Returns:
        The card as it was written.
    """
    report(f"largest difference of the graph from torch: {max(export(model, card, folder).values()):.1e}")
    own = {id(each): dataset for each, dataset in zip(frames, datasets, strict=True)}
    if importlib.util.find_spec("nncf") is not None:
        from vit_perception.export.quantize import quantize

        everything = [(dataset, number) for dataset in datasets for number in range(len(dataset))]
        chosen = np.unique(np.linspace(0, len(everything) - 1, min(_FRAMES, len(everything))).astype(int))
        pictures = [everything[place][0].picture(everything[place][1]) for place in chosen]
        report("int8 takes its ranges from the drives: for other pictures, run vit-perception quantize")
        write_card(quantize(load_card(folder), pictures, keep=(), report=report))
    report("measuring on the drives that report")
    predictor = Predictor(folder, tasks=(NAVIGATION,))
    engine = predictor.engine
    pairs = [(drive, own[id(drive.frames)]) for drive in held]
    metrics: dict[str, Any] = {
        "drives": len(held),
        "frames": sum(len(drive.places) for drive in held),
        "engine": f"{engine.name} {engine.precision}",
        **judge_drives(predictor, pairs),
        "without_depth": judge_drives(predictor, pairs, depth=False),
    }
    write_card(dataclasses.replace(load_card(folder), metrics={NAVIGATION: metrics}))
    return load_card(folder)


def judge_drives(
    predictor: Predictor, drives: Sequence[tuple[Drive, Dataset]], depth: bool = True
) -> dict[str, float]:
    """Metrics of a navigator that looks at the frames of drives in their order, and remembers.

    Args:
        predictor: of the model.
        drives: each with the dataset of its pictures.
        depth: whether it gets the depth.
    """
    config = NavigationConfig.of(predictor.card.architecture)
    assert config is not None
    metrics = NavigationMetrics(config.max_range)
    request = Request((NAVIGATION,))
    for drive, dataset in drives:
        history = NavigationHistory(config)
        for place in drive.places.tolist():
            row = drive.frames.rows[place]
            seconds = float(row["seconds"])
            given = NavigationInput(
                depth=drive.frames.metres(place) if depth else None,
                goal=(float(row["goal"][0]), float(row["goal"][1])),
                history=history.before(seconds),
            )
            found = predictor(dataset.picture(int(row["number"])), "rgb", request, given).navigation
            assert found is not None
            if found.token is not None:
                history.add(seconds, found.token)
            metrics.add(row, found)
    return metrics.result()
