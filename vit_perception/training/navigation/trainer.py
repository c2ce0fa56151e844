"""Optimiser steps of a navigator on the tokens of a frozen trunk, and its validation."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vit_perception.backbones.features import TokenFeatures
from vit_perception.data.navigation import ACTIONS
from vit_perception.heads.navigation import NavigationHead
from vit_perception.runtime.decode.navigation import navigation
from vit_perception.runtime.decode.navigator import navigator
from vit_perception.runtime.navigation_input import NavigationInput
from vit_perception.training.config import TrainingConfig
from vit_perception.training.learning_rate import parameter_groups
from vit_perception.training.navigation.config import NavigationTraining
from vit_perception.training.navigation.drives import Drive, DriveBatch, in_order
from vit_perception.training.navigation.losses import navigation_loss
from vit_perception.training.navigation.metrics import NavigationMetrics
from vit_perception.training.processes import Processes
from vit_perception.training.trainer import update_average

# Frames that are validated together.
_TOGETHER = 64


def navigate(head: NavigationHead, batch: DriveBatch, grid: tuple[int, int]) -> dict[str, Tensor]:
    """Outputs of a head for a batch, in which each frame reads the tokens of those before it.

    Args:
        head: on the device of the batch.
        batch: see `DriveBatch`.
        grid: (gh, gw) of the patches.
    """
    tokens = batch.tokens.to(head.query_tokens.dtype)
    features = TokenFeatures(tokens[:, 0], tokens[:, :0], tokens[:, 1:], grid)
    context, queries = head.look(features, batch.depth if head.config.depth else None)
    goal = batch.goal if head.config.goal else None
    history = None
    if head.config.history:
        own = head.token(queries, goal)
        there = (batch.history >= 0).unsqueeze(-1).to(own.dtype)
        history = torch.cat([own[batch.history.clamp(min=0)] * there, there], dim=-1)
    outputs = head.answer(context, queries, grid, goal, history)
    if head.free_space is not None:
        outputs["navigation_free_space"] = head.free_space(batch.level.to(tokens.dtype))
    return outputs


class NavigationTrainer:
    """A head, its mean and its optimiser, with the interface of `Trainer`.

    Args:
        head: trained in place.
        config: how; its `navigation` is set.
        processes: the only one.
        grid: (gh, gw) of the patches.
    """

    def __init__(
        self, head: NavigationHead, config: TrainingConfig, processes: Processes, grid: tuple[int, int]
    ) -> None:
        assert config.navigation is not None
        self.config, self.processes, self.grid = config, processes, grid
        self.navigation: NavigationTraining = config.navigation
        self.head = head.to(processes.device)
        self.average = copy.deepcopy(head).eval().requires_grad_(False)
        self.optimiser = torch.optim.AdamW(parameter_groups(head, config.learning_rate), betas=(0.9, 0.99))

    def step(self, step: int, progress: float, batches: Sequence[DriveBatch]) -> dict[str, Tensor]:
        """Take one step, see `Trainer.step`."""
        config, device = self.config, self.processes.device
        config.learning_rate.set(self.optimiser, progress)
        self.head.train()
        self.optimiser.zero_grad(set_to_none=True)
        totals: dict[str, Tensor] = {}
        for batch in batches:
            batch = batch.to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=config.bf16):
                outputs = navigate(self.head, batch, self.grid)
            loss, parts = navigation_loss(
                outputs, batch, self.navigation.losses, self.navigation.model.max_range
            )
            (loss / len(batches)).backward()
            for name, value in {"loss": loss.detach(), **parts}.items():
                totals[name] = totals.get(name, torch.zeros((), device=device)) + value / len(batches)
        nn.utils.clip_grad_norm_(self.head.parameters(), config.clip)
        self.optimiser.step()
        update_average(self.average, self.head, step + 1, config.ema_decay)
        return totals

    def state(self) -> dict[str, Any]:
        """What `load` takes."""
        return {
            "model": self.head.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from where `state` was taken.

        Raises:
            ValueError: it is of another navigator.
        """
        try:
            self.head.load_state_dict(state["model"])
        except RuntimeError as error:
            raise ValueError(
                "the run that is here trains another model: give the same student and navigation, or another "
                "--output"
            ) from error
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])


@torch.inference_mode()
def validate_navigator(
    head: NavigationHead, drives: Iterable[Drive], grid: tuple[int, int], device: torch.device, bf16: bool
) -> dict[str, float]:
    """Metrics of a head in evaluation mode on all frames of some drives, with everything that it takes."""
    metrics = NavigationMetrics(head.config.max_range)
    for drive in drives:
        places = drive.thinned(0, head.config.interval, len(drive.places))
        rows = iter(drive.frames.rows[places])
        for batch in in_order([drive], head.config, _TOGETHER):
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                outputs = navigate(head, batch.to(device), grid)
            raw = {name: value.float().cpu().numpy() for name, value in outputs.items()}
            for index in range(len(batch.action)):
                own = {name: value[index] for name, value in raw.items()}
                distance, sine, cosine, _ = batch.goal[index].tolist()
                given = NavigationInput(goal=(distance, float(np.arctan2(sine, cosine))))
                found = navigator(
                    navigation(own, ACTIONS), own, head.config, given, drive.frames.geometry, None
                )
                metrics.add(next(rows), found)
    return metrics.result()


def navigation_quality(scores: Mapping[str, float]) -> float:
    """What chooses the best navigator: small errors of path, scan and free ground, and the right action."""
    names = ("path_error", "scan_error", "free_space_error")
    errors = (100 / (1 + scores[name]) for name in names if name in scores)
    return scores["action_accuracy"] + sum(errors)
