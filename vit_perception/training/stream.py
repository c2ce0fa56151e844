"""The batches of a run, read from disk by worker processes and strongly augmented.

Each picture is drawn and changed by a random generator of its own, seeded by the run, the step and its place
in the step. So the number of workers, a restart in the middle and how a step is spread over processes change
nothing. In memory are the batches that the workers prepare ahead, whatever the size of the dataset.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

import numpy as np
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from vit_perception.cards.card import Card
from vit_perception.runtime.preprocess import scaled
from vit_perception.training.augment import View, affine_view, cutouts, mosaic, paste
from vit_perception.training.colour import jitter_colour
from vit_perception.training.config import TrainingConfig
from vit_perception.training.examples import Example, Pictures, read_example
from vit_perception.training.index import Index
from vit_perception.training.targets import Batch, Collate
from vit_perception.training.workers import start_loading, start_worker

# Step, and place of a picture in it.
Key = tuple[int, int]
# Batches that each worker prepares ahead.
_AHEAD = 2
_MOST_PASTED = 4


class Views(TorchDataset[View]):
    """(step, place) → a view. Pictures with rare classes are drawn more often.

    Args:
        pictures: to read from; they go to the workers, so it must be possible to pickle them.
        numbers: of those to draw.
        index: of the pictures.
        card: whose input sizes the views have.
        config: seed, scales, weights and augmentation.

    Raises:
        ValueError: a weight is of no picture.
    """

    def __init__(
        self, pictures: Pictures, numbers: Sequence[int], index: Index, card: Card, config: TrainingConfig
    ) -> None:
        self.pictures, self.config = pictures, config
        self.sizes, self.patch = card.input_sizes, card.patch_size
        self.numbers = np.array(numbers)
        examples = index.examples[self.numbers]
        # A picture counts for its rarest class (repeat factor sampling, Gupta et al. 2019).
        holders = examples.sum(axis=0)
        rarity = np.sqrt(holders.max(initial=1) / np.maximum(holders, 1))
        weights = np.maximum((examples * rarity).max(axis=1, initial=1.0), 1.0)
        names = [pictures.name(number) for number in numbers] if config.weights else []
        for beginning, weight in config.weights.items():
            if not any(chosen := [name.startswith(beginning) for name in names]):
                raise ValueError(
                    f"weights: no picture's name begins with {beginning!r}; there is {names[0]!r}"
                )
            weights = np.where(chosen, weights * weight, weights)
        self.bounds = np.cumsum(weights)
        # Pictures are only mixed with those whose labels know the same.
        self.groups = index.groups[self.numbers]
        self.group_bounds = {
            group: np.cumsum(weights * (self.groups == group)) for group in set(self.groups.tolist())
        }

    def size(self, step: int) -> tuple[int, int]:
        """Height and width of all pictures of a step, in pixels."""
        rng = np.random.default_rng((self.config.seed, step, 0))
        whole = self.sizes[rng.integers(len(self.sizes))]
        return scaled(whole, float(np.exp(rng.uniform(*np.log(self.config.scales)))), self.patch)

    def __getitem__(self, key: Key) -> View:
        step, place = key
        rng = np.random.default_rng((self.config.seed, step, place + 1))
        size, strength = self.size(step), self.config.augmentation
        first = _draw(self.bounds, rng)
        beside = self.group_bounds[int(self.groups[first])]
        if rng.random() < strength.mosaic:
            least, most = strength.mosaic_sides
            others = [self._read(_draw(beside, rng)) for _ in range(rng.integers(least, most + 1) ** 2 - 1)]
            view = mosaic([self._read(first), *others], size, rng, strength)
        else:
            view = affine_view(self._read(first), size, rng, strength.zoom, strength)
        # The detector has not seen what would be pasted.
        if rng.random() < strength.paste and not view.known.dense:
            objects = cutouts(self._read(_draw(beside, rng)))
            rng.shuffle(objects)
            paste(view, objects[: rng.integers(1, _MOST_PASTED + 1)], rng)
        view.rgb = jitter_colour(view.rgb, rng, strength.colour)
        return view

    def _read(self, place: int) -> Example:
        return read_example(self.pictures, int(self.numbers[place]))


def _draw(bounds: np.ndarray, rng: np.random.Generator) -> int:
    """An index, with the probabilities whose cumulative sum is `bounds`, up to a factor."""
    return int(np.searchsorted(bounds, rng.random() * bounds[-1], side="right"))


def keys(config: TrainingConfig, start: int, rank: int = 0, world: int = 1) -> Iterator[list[Key]]:
    """What each batch of a process is made of, without end.

    Args:
        config: batch size and accumulation.
        start: the first step.
        rank: of this process.
        world: number of processes.
    """
    step = start
    while True:
        for batch in range(config.accumulation):
            first = (batch * world + rank) * config.batch_size
            yield [(step, first + place) for place in range(config.batch_size)]
        step += 1


def batches(
    views: Views, collate: Collate, order: Iterator[list[Key]], workers: int, pin: bool = False
) -> Generator[Batch, None, None]:
    """The batches of a process. Closing the generator ends the workers.

    Args:
        views: makes the pictures.
        collate: makes batches of them.
        order: see `keys`.
        workers: processes that make batches; 0 makes them in turn with the steps.
        pin: whether to put them where a GPU copies fast from.
    """
    loader = start_loading(
        DataLoader(
            views,
            batch_sampler=order,
            collate_fn=collate,
            num_workers=workers,
            # Not forked: OpenCV's threads, and the locks they hold, would be copied half-way.
            multiprocessing_context="spawn" if workers else None,
            prefetch_factor=_AHEAD if workers else None,
            worker_init_fn=start_worker if workers else None,
            pin_memory=pin,
        )
    )
    try:
        yield from loader
    finally:
        if workers:  # left to the collector, they end at any time, or when the interpreter is half gone
            loader._shutdown_workers()  # type: ignore[attr-defined]
