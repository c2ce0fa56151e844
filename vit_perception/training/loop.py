"""The training loop: all heads learn together, an exponential mean of the weights is evaluated and kept."""

from __future__ import annotations

import copy
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from vit_perception.model import PerceptionModel
from vit_perception.training.learning_rate import parameter_groups
from vit_perception.training.losses import total_loss
from vit_perception.training.schedule import Schedule
from vit_perception.training.targets import Batch


@dataclass
class TrainingState:
    """Where a run stands, and its files.

    Attributes:
        average: The exponential mean of the weights, which is what is evaluated and kept.
        output: Folder of `log.jsonl`, `last.pt` and `best.pt`.
        step: Optimiser steps done.
        best: Highest AP50 + mIoU so far.
        started: On the monotonic clock, in seconds.
    """

    average: PerceptionModel
    output: Path
    step: int = 0
    best: float = -1.0
    started: float = field(default_factory=time.monotonic)

    @property
    def minutes(self) -> float:
        return (time.monotonic() - self.started) / 60

    def update_average(self, model: PerceptionModel, decay: float) -> None:
        """Move the mean towards the weights of `model`, faster in the first steps than `decay` says."""
        decay = min(decay, (1 + self.step) / (10 + self.step))
        for average, parameter in zip(self.average.parameters(), model.parameters(), strict=True):
            average.lerp_(parameter.detach(), 1 - decay)

    def record(self, progress: float, losses: dict[str, float], scores: dict[str, float]) -> None:
        """Log the losses and metrics; save the mean as `last.pt`, and as `best.pt` if it is the best yet."""
        entry = {"step": self.step, "progress": round(progress, 3), "minutes": round(self.minutes, 1)}
        with (self.output / "log.jsonl").open("a") as log:
            log.write(json.dumps({**entry, "loss": losses, "held_out": scores}) + "\n")
        print(f"step {self.step}, {self.minutes:.1f} min, {losses}, held out {scores}", flush=True)
        checkpoint = {"model": self.average.state_dict(), "scores": scores, "step": self.step}
        torch.save(checkpoint, self.output / "last.pt")
        if (quality := scores["ap50"] + scores["miou"]) > self.best:
            self.best = quality
            torch.save(checkpoint, self.output / "best.pt")


def train(
    model: PerceptionModel,
    batches: Iterator[Batch],
    class_weights: Tensor,
    schedule: Schedule,
    validate: Callable[[PerceptionModel], dict[str, float]],
    every: int,
    output: Path,
) -> tuple[PerceptionModel, int]:
    """Train a model on the device it is on.

    Args:
        model: Trained in place.
        batches: Without end.
        class_weights: (C,), of the mask loss, on the model's device.
        schedule: How long and how fast.
        validate: Metrics of a model in evaluation mode; AP50 + mIoU choose the best one.
        every: Steps between validations.
        output: Folder for `log.jsonl`, `last.pt` and `best.pt`.

    Returns:
        The mean of the weights that validated best, as a model in evaluation mode, and its step.
    """
    device = class_weights.device
    state = TrainingState(copy.deepcopy(model).eval().requires_grad_(False), output)
    optimiser = torch.optim.AdamW(parameter_groups(model, schedule.learning_rate), betas=(0.9, 0.99))
    totals: dict[str, float] = defaultdict(float)
    progress = 0.0
    while progress < 1.0:
        progress = schedule.progress(state.step, state.minutes)
        schedule.learning_rate.set(optimiser, progress)
        batch = next(batches).to(device)
        model.train()
        with torch.autocast(device.type, torch.bfloat16):
            outputs = model(batch.image)
        loss, parts = total_loss(outputs, batch, class_weights)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        state.step += 1
        state.update_average(model, schedule.ema_decay)
        for name, value in parts.items():
            totals[name] += value / every
        if state.step % every == 0 or progress >= 1.0:
            losses = {name: round(value, 4) for name, value in totals.items()}
            state.record(progress, losses, validate(state.average))
            totals.clear()
    best = torch.load(output / "best.pt", weights_only=True)
    state.average.load_state_dict(best["model"])
    return state.average, best["step"]
