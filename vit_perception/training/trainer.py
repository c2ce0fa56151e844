"""Optimiser steps: gradients of several batches and processes, and the mean of the weights."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vit_perception.layers.block import DropPath
from vit_perception.model import PerceptionModel
from vit_perception.training.config import TrainingConfig
from vit_perception.training.learning_rate import parameter_groups
from vit_perception.training.losses import Counts, total_loss
from vit_perception.training.mask_classes import MaskClasses
from vit_perception.training.processes import Processes
from vit_perception.training.targets import Batch


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, step: int, decay: float) -> None:
    """Move an exponential mean of parameters and buffers towards those of `model`.

    Args:
        average: the mean, of the architecture of `model`.
        model: in training.
        step: optimiser steps done; in the first ones the mean moves faster than `decay` says.
        decay: share of itself that the mean keeps.
    """
    decay = min(decay, (1 + step) / (10 + step))
    now = model.state_dict()
    for name, mean in average.state_dict().items():
        if mean.is_floating_point():
            mean.lerp_(now[name], 1 - decay)
        else:  # a count, of which there is no mean
            mean.copy_(now[name])


class Trainer:
    """A model, its mean and its optimiser.

    Args:
        model: trained in place, on the device of the process; frozen parameters stay as they are.
        config: how it is trained.
        classes: of the masks.
        processes: that train it together.
    """

    def __init__(
        self, model: PerceptionModel, config: TrainingConfig, classes: MaskClasses, processes: Processes
    ) -> None:
        self.model, self.config, self.processes = model.to(processes.device), config, processes
        processes.start_alike(model)
        model.backbone.checkpointing = config.checkpointing
        if not config.dropout:
            without_dropout(model)
        self.average = copy.deepcopy(model).eval().requires_grad_(False)
        self.classes = classes.to(processes.device)
        self.optimiser = torch.optim.AdamW(parameter_groups(model, config.learning_rate), betas=(0.9, 0.99))

    def step(self, step: int, progress: float, batches: Sequence[Batch]) -> dict[str, Tensor]:
        """Take one step.

        Args:
            step: its number; what is random in it depends on nothing else.
            progress: share of the run that is done in the middle of it, 0 to 1.
            batches: of this process, on the CPU.

        Returns:
            Each part of the loss, over all batches and processes, and `loss`, their weighted sum.
        """
        config, device = self.config, self.processes.device
        config.learning_rate.set(self.optimiser, progress)
        counts = Counts.of(batches, self.classes)
        counts = Counts.from_tensor(self.processes.add_up(counts.tensor()))
        self.model.train()
        self.optimiser.zero_grad(set_to_none=True)
        totals: dict[str, Tensor] = {}
        for place, batch in enumerate(batches):
            seed = (config.seed, step, place * self.processes.world + self.processes.rank)
            torch.manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
            moved = batch.to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=config.bf16):
                outputs = self.model(moved.image)
            loss, parts = total_loss(outputs, moved, self.classes, counts, config.losses)
            loss.backward()
            for name, value in {"loss": loss.detach(), **parts}.items():
                totals[name] = totals.get(name, torch.zeros((), device=device)) + value
        self.processes.add_up_gradients(self.model)
        nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        self.optimiser.step()
        update_average(self.average, self.model, step + 1, config.ema_decay)
        summed = self.processes.add_up(torch.stack(list(totals.values())))
        return dict(zip(totals, summed.unbind(), strict=True))

    def state(self) -> dict[str, Any]:
        """What `load` takes."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from where `state` was taken.

        Raises:
            ValueError: it is of another model.
        """
        try:
            self.model.load_state_dict(state["model"])
        except RuntimeError as error:
            raise ValueError(
                "the run that is here trains another model: give the same student, blocks and labels, or "
                "another --output"
            ) from error
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])


def without_dropout(model: nn.Module) -> None:
    """Switch off dropout and drop path for good."""
    for part in model.modules():
        if isinstance(part, nn.modules.dropout._DropoutNd):
            part.p = 0.0
        elif isinstance(part, DropPath):
            part.probability = 0.0
