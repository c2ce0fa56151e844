"""Rows of which each picture of a batch has another number, in one tensor.

A tensor for each picture would be one copy to the GPU and one shared file between processes for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Ragged:
    """The rows of B pictures, one picture after the other.

    Attributes:
        values: (N, …) all rows.
        counts: B, how many of them each picture has.
    """

    values: Tensor
    counts: tuple[int, ...]

    @classmethod
    def of(cls, pictures: Sequence[np.ndarray]) -> Ragged:
        """The rows (N, …) of each picture; at least one picture, all of one type."""
        return cls(torch.from_numpy(np.concatenate(pictures)), tuple(map(len, pictures)))

    def __iter__(self) -> Iterator[Tensor]:
        """The rows of each picture."""
        return iter(self.values.split(self.counts))

    def to(self, device: torch.device, non_blocking: bool = False) -> Ragged:
        """The same on `device`."""
        return replace(self, values=self.values.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Ragged:
        """The same in memory from which a GPU copies fast."""
        return replace(self, values=self.values.pin_memory())
