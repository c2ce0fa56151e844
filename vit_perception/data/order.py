"""The order in which pictures are seen: a function of the seed, whoever reads them."""

from __future__ import annotations

import numpy as np


class PictureOrder:
    """An endless row of pictures: one permutation after the other, one for each epoch.

    What a step sees depends on its number alone. So training can go on at any step, with any number of
    workers, and N processes see together what one process sees with N times the batch.

    Args:
        numbers: (N,) of the pictures, such as `JoinedDataset.training()`.
        seed: of the permutations.

    Raises:
        ValueError: there are no pictures.
    """

    def __init__(self, numbers: np.ndarray, seed: int) -> None:
        if not len(numbers):
            raise ValueError("there are no pictures to put in order: all are held out, or there are none")
        self._numbers = np.asarray(numbers, np.int64)
        self._seed = seed
        self._newest: tuple[int, np.ndarray] | None = None

    def __len__(self) -> int:
        """Pictures in an epoch."""
        return len(self._numbers)

    def epoch(self, epoch: int) -> np.ndarray:
        """(N,) int64: the pictures of an epoch, from 0, in order."""
        if self._newest is None or self._newest[0] != epoch:
            generator = np.random.Generator(np.random.PCG64([self._seed, epoch]))
            self._newest = epoch, generator.permutation(self._numbers)
        return self._newest[1]

    def batch(self, step: int, batch_size: int, process: int = 0, processes: int = 1) -> np.ndarray:
        """The pictures that one process sees in a step.

        Args:
            step: from 0.
            batch_size: of each process.
            process: which one, from 0.
            processes: how many there are.

        Returns:
            (batch_size,) int64 numbers of pictures.
        """
        start = (step * processes + process) * batch_size
        places = np.arange(start, start + batch_size)
        epochs, within = np.divmod(places, len(self))
        return np.concatenate([self.epoch(int(one))[within[epochs == one]] for one in np.unique(epochs)])
