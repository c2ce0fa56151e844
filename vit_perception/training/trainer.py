"""Optimiser steps: gradients of several batches and processes, and the mean of the weights."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from vit_perception.layers.block import DropPath
from vit_perception.model import PerceptionModel
from vit_perception.training.config import TrainingConfig
from vit_perception.training.distiller import Distiller, kept_features
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
    now, mean = model.state_dict(), average.state_dict()
    moved = [name for name, value in mean.items() if value.is_floating_point()]
    # All at once: on a GPU, each for itself is a launch.
    get_ema_multi_avg_fn(decay)([mean[name] for name in moved], [now[name] for name in moved], None)
    for name in mean.keys() - set(moved):  # a count, of which there is no mean
        mean[name].copy_(now[name])


class Trainer:
    """A model, its mean and its optimiser.

    Args:
        model: trained in place, on the device of the process; frozen parameters stay as they are.
        config: how it is trained.
        classes: of the masks.
        processes: that train it together.
        distiller: what it learns beside the labels; its projection is trained, too. None for nothing.
    """

    def __init__(
        self,
        model: PerceptionModel,
        config: TrainingConfig,
        classes: MaskClasses,
        processes: Processes,
        distiller: Distiller | None = None,
    ) -> None:
        # CPUs and GPUs convolve channels that lie together faster: CNNs take half the time.
        self.model = model.to(processes.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.config, self.processes = config, processes
        self.distiller = distiller
        self.trained = nn.ModuleList([model])
        if distiller is not None:
            self.trained.append(distiller.projection.to(processes.device))
        processes.start_alike(self.trained)
        model.backbone.checkpointing = config.checkpointing
        if not config.dropout:
            without_dropout(model)
        self.average = copy.deepcopy(model).eval().requires_grad_(False)
        self.classes = classes.to(processes.device)
        groups = [group for part in self.trained for group in parameter_groups(part, config.learning_rate)]
        self.optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=processes.device.type == "cuda")

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
            loss, parts = self._loss(batch.to(device), counts)
            loss.backward()
            for name, value in {"loss": loss.detach(), **parts}.items():
                totals[name] = totals.get(name, torch.zeros((), device=device)) + value
        self.processes.add_up_gradients(self.trained)
        nn.utils.clip_grad_norm_(self.trained.parameters(), config.clip)
        self.optimiser.step()
        update_average(self.average, self.model, step + 1, config.ema_decay)
        summed = self.processes.add_up(torch.stack(list(totals.values())))
        return dict(zip(totals, summed.unbind(), strict=True))

    def _loss(self, batch: Batch, counts: Counts) -> tuple[Tensor, dict[str, Tensor]]:
        """The share of a batch in the loss of its step, and its parts."""
        config, distiller = self.config, self.distiller
        image = batch.image
        autocast = torch.autocast(image.device.type, torch.bfloat16, enabled=config.bf16)
        with autocast, kept_features(self.model.backbone) as kept:
            outputs = self.model(image)
            more, lessons = distiller(image, outputs, kept[0], counts.pictures) if distiller else (0.0, {})
        taught = distiller.taught if distiller else None
        loss, parts = total_loss(outputs, batch, self.classes, counts, config.losses, taught)
        return loss + more, parts | lessons

    def state(self) -> dict[str, Any]:
        """What `load` takes."""
        projection = {} if self.distiller is None else {"projection": self.distiller.projection.state_dict()}
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            **projection,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from where `state` was taken.

        Raises:
            ValueError: it is of another model.
        """
        try:
            self.model.load_state_dict(state["model"])
            if self.distiller is not None:
                self.distiller.projection.load_state_dict(state["projection"])
        except RuntimeError as error:
            raise ValueError(
                "the run that is here trains another model: give the same student, blocks, labels and "
                "teacher, or another --output"
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
