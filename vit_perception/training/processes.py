"""The processes of one run: one, or those that `torchrun` started."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as distributed
from torch import Tensor, nn

# The others wait while the first process validates.
_LONGEST_VALIDATION = timedelta(hours=3)


@dataclass(frozen=True)
class Processes:
    """The place of this process among those of the run.

    Attributes:
        rank: of this process; the first one validates and writes.
        world: number of processes.
        device: that this process computes on.
    """

    rank: int
    world: int
    device: torch.device

    @classmethod
    def join(cls) -> Processes:
        """Join the processes that torchrun's environment tells of; without it, be the only one.

        A GPU is used where there is one, its own for each process on a machine.
        """
        rank, world, local = (
            int(os.environ.get(name, default))
            for name, default in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))
        )
        cuda = torch.cuda.is_available()
        device = torch.device("cuda", local) if cuda else torch.device("cpu")
        if world > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if cuda else "gloo", timeout=_LONGEST_VALIDATION)
        return cls(rank, world, device)

    @property
    def first(self) -> bool:
        """Whether this process validates and writes."""
        return self.rank == 0

    def add_up(self, values: Tensor) -> Tensor:
        """The sum of `values` over all processes."""
        if self.world == 1:
            return values
        total = values.to(self.device, copy=True)
        distributed.all_reduce(total)
        return total.to(values.device)

    def of_first(self, value: float) -> float:
        """The value that the first process has."""
        return float(self.add_up(torch.tensor(value if self.first else 0.0, dtype=torch.float64)))

    def add_up_gradients(self, model: nn.Module) -> None:
        """Give each parameter the sum of its gradients over all processes."""
        if self.world == 1:
            return
        gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        together = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(together)
        parts = together.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def start_alike(self, model: nn.Module) -> None:
        """Give all processes the first one's parameters and buffers."""
        if self.world > 1:
            for tensor in model.state_dict().values():
                distributed.broadcast(tensor, src=0)

    def leave(self) -> None:
        """End the group; nothing in a run of one process."""
        if distributed.is_initialized():
            distributed.destroy_process_group()
