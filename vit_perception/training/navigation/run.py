"""A whole run of a navigator: a model and datasets of drives → the model with a navigator."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vit_perception.cards.card import Card, load_card, navigator_heads
from vit_perception.cards.locate import find_model
from vit_perception.data.dataset import Dataset
from vit_perception.data.navigation import ACTIONS, PATH_POINTS, SCAN_ANGLES, SCAN_RANGE
from vit_perception.heads.navigation import NavigationHead
from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.model import PerceptionModel, build_model
from vit_perception.runtime.engines.torch import load_model
from vit_perception.training.config import TrainingConfig
from vit_perception.training.curves import draw_curves
from vit_perception.training.loop import train
from vit_perception.training.navigation.config import NavigationTraining
from vit_perception.training.navigation.drives import Drive, DriveBatch, drives_of, split_drives, windows
from vit_perception.training.navigation.frames import frames_of
from vit_perception.training.navigation.publish import publish_navigator
from vit_perception.training.navigation.trainer import (
    NavigationTrainer,
    navigation_quality,
    validate_navigator,
)
from vit_perception.training.processes import Processes
from vit_perception.training.run_folder import RunFolder

CURVES, MODEL, TOKENS = "curves.png", "model", "tokens"
_PREFIX = "heads.navigation."
HEADS = ("navigation.action", "navigation.collision", "navigation.goal_distance")


def train_navigator(
    datasets: Sequence[Dataset], output: Path, config: TrainingConfig, student: str, processes: Processes
) -> Card:
    """Train a navigator for a model, or go on with the run in `output`, and publish the model with it.

    Args:
        datasets: with drives.
        output: folder of the run. It gets `config.yaml`, `log.jsonl`, `curves.png`, `last.pt`, `best.pt`,
            `tokens/` and `model/`.
        config: how to train; its `navigation` is set.
        student: name or folder of a model of ours, of which all but navigation stays as it is. If it has a
            navigator that takes and gives the same, that is trained on.
        processes: must be one.

    Returns:
        The card of the model.

    Raises:
        FileNotFoundError: the student, or a picture, is missing.
        ValueError: a dataset, the student or the config is wrong, or the run in `output` is another one.
    """
    navigation = config.navigation
    assert navigation is not None
    if processes.world > 1:
        raise ValueError("a navigator is trained in one process: start it without torchrun")
    check_truth(navigation.model)
    before = load_card(find_model(student))
    model, card = with_navigator(before, navigation.model)
    folder = RunFolder(output)
    folder.keep_config(config)
    device = processes.device
    model.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    kept = Path(navigation.tokens or output / TOKENS)
    frames = [frames_of(each, model, card, kept, device, config.bf16) for each in datasets]
    if len({each.grid for each in frames}) > 1:
        raise ValueError("the datasets fill inputs of different shapes: record all drives in one shape")
    parts = split_drives(drives_of(frames), config.held_out)
    drives = ", ".join(f"{len(found)} {part}" for part, found in parts.items())
    print(f"drives: {drives}; {sum(len(each.rows) for each in frames)} frames; on {device}", flush=True)
    head = model.heads["navigation"]
    assert isinstance(head, NavigationHead)
    trainer = NavigationTrainer(head, config, processes, frames[0].grid)
    standing = train(
        trainer,
        lambda step: _batches(parts["train"], config, navigation, step),
        lambda average: validate_navigator(average, parts["choose"], frames[0].grid, device, config.bf16),
        folder,
        navigation_quality,
    )
    draw_curves(folder.entries(), output / CURVES)
    best = folder.load_best()
    head.cpu().load_state_dict(best["model"])
    card = dataclasses.replace(
        card,
        name=output.resolve().name,
        provenance=(
            f"{before.provenance} Its navigator was trained by vit-perception train for {best['step']} of "
            f"{standing.step} steps on {len(parts['train'])} drives of "
            f"{', '.join(each.folder.resolve().name for each in datasets)}; {len(parts['choose'])} others "
            f"chose the checkpoint, and metrics are of {len(parts['report'])} that neither trained nor chose."
        ),
    )
    return publish_navigator(model.cpu(), card, parts["report"], datasets, output / MODEL)


def check_truth(config: NavigationConfig) -> None:
    """Check that a navigator gives what the truth of drives has.

    Raises:
        ValueError: it has another number of points or beams, or other angles, or sees farther.
    """
    for name, value, truth in (
        ("waypoints", config.waypoints, PATH_POINTS),
        ("beams", config.beams, len(SCAN_ANGLES)),
    ):
        if value != truth:
            raise ValueError(f"navigation: model: {name} is {value}, and the truth of drives has {truth}")
    if not np.allclose(config.angles, SCAN_ANGLES, atol=1e-3):
        raise ValueError(
            f"navigation: model: beam_angle is {config.beam_angle:g}, and the truth of drives has "
            f"{SCAN_ANGLES[0]:.3f}"
        )
    if config.max_range > SCAN_RANGE:
        raise ValueError(
            f"navigation: model: max_range is {config.max_range:g} m, and the truth of drives ends at "
            f"{SCAN_RANGE:g} m"
        )


def with_navigator(before: Card, config: NavigationConfig) -> tuple[PerceptionModel, Card]:
    """A model of ours with a navigator, and its card without files and metrics; the rest stays as it is."""
    ours = load_model(before)
    architecture: dict[str, Any] = {
        **before.architecture,
        "num_actions": len(ACTIONS),
        "navigation": dataclasses.asdict(config),
    }
    model = build_model(architecture)
    had = ours.navigation and dataclasses.replace(ours.navigation, free_space=config.free_space)
    same = had == config and before.actions == ACTIONS
    state = model.state_dict()
    for name, value in ours.state_dict().items():
        if name in state and (same or not name.startswith(_PREFIX)):
            state[name].copy_(value)
    model.requires_grad_(False)
    model.heads["navigation"].requires_grad_(True)
    others = [head for head in before.trained if not head.startswith("navigation.")]
    return model.eval(), dataclasses.replace(
        before,
        architecture=architecture,
        actions=ACTIONS,
        trained=(*others, *HEADS, *navigator_heads(architecture["navigation"])),
        metrics={},
    )


def _batches(
    drives: Sequence[Drive], config: TrainingConfig, navigation: NavigationTraining, step: int
) -> Generator[DriveBatch, None, None]:
    """The batches from a step on; each depends on nothing but its number."""
    number = step * config.accumulation
    while True:
        rng = np.random.default_rng((config.seed, number))
        yield windows(drives, navigation, config.batch_size, rng)
        number += 1
