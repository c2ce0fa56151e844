"""The batches of a training run: photographs drawn by how rare their classes are, strongly augmented."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from vit_perception.cards.card import Card
from vit_perception.data.classes import LABELS
from vit_perception.data.coco import NOTABLE, Photograph, visible_classes
from vit_perception.runtime.preprocess import scaled
from vit_perception.training.augment import View, affine_view, jitter_colour, mosaic, paste
from vit_perception.training.schedule import Schedule
from vit_perception.training.targets import Batch, collate


class Sampler(IterableDataset[Batch]):
    """Batches without end. The same seed, in the same worker process, gives the same sequence.

    Args:
        photographs: To draw from.
        card: Whose input sizes, mean and std the batches have.
        schedule: Its batch size, scales and seed.
    """

    def __init__(self, photographs: list[Photograph], card: Card, schedule: Schedule) -> None:
        self.photographs, self.card, self.schedule = photographs, card, schedule
        self.rng = np.random.default_rng(schedule.seed)
        holders = np.zeros(len(LABELS))
        for photograph in photographs:
            holders[self._classes(photograph)] += 1
        # A photograph counts for its rarest class (repeat factor sampling, Gupta et al. 2019).
        rarity = np.sqrt(holders.max() / np.maximum(holders, 1))
        weights = np.array([max([1.0, *rarity[self._classes(p)]]) for p in photographs])
        self.probability = weights / weights.sum()
        cutouts = [cutout for photograph in photographs for cutout in photograph.cutouts]
        counts = np.bincount([cutout.class_id for cutout in cutouts], minlength=len(LABELS))
        odds = np.array([1 / np.sqrt(counts[cutout.class_id]) for cutout in cutouts])
        self.cutouts, self.cutout_probability = cutouts, odds / odds.sum()

    @staticmethod
    def _classes(photograph: Photograph) -> list[int]:
        visible = np.flatnonzero(visible_classes(photograph.semantic, NOTABLE))
        return sorted({*photograph.class_ids.tolist(), *visible.tolist()})

    def _draw(self) -> Photograph:
        return self.photographs[self.rng.choice(len(self.photographs), p=self.probability)]

    def _view(self, size: tuple[int, int]) -> View:
        if self.rng.random() < 0.25:
            view = mosaic([self._draw() for _ in range(4)], size, self.rng)
        else:
            view = affine_view(self._draw(), size, self.rng, (0.6, 2.0))
        if self.rng.random() < 0.5:
            chosen = self.rng.choice(len(self.cutouts), self.rng.integers(1, 5), p=self.cutout_probability)
            paste(view, [self.cutouts[i] for i in chosen], self.rng)
        view.rgb = jitter_colour(view.rgb, self.rng)
        return view

    def __iter__(self) -> Iterator[Batch]:
        if (worker := get_worker_info()) is not None:
            self.rng = np.random.default_rng((self.schedule.seed, worker.id))
            cv2.setNumThreads(1)  # the workers are the parallelism
        while True:
            yield self.draw(float(np.exp(self.rng.uniform(*np.log(self.schedule.scales)))))

    def draw(self, scale: float) -> Batch:
        """A batch at `scale` times one of the card's input sizes."""
        whole = self.card.input_sizes[self.rng.choice(len(self.card.input_sizes))]
        size = scaled(whole, scale, self.card.patch_size)
        views = [self._view(size) for _ in range(self.schedule.batch_size)]
        return collate(views, self.card.mean, self.card.std, self.card.patch_size / 4)


def batches(sampler: Sampler, workers: int) -> Iterator[Batch]:
    """The sampler's batches, drawn by so many worker processes; 0 draws them in turn with the steps."""
    # Not forked: OpenCV's threads, and the locks they hold, would be copied half-way.
    context = "spawn" if workers else None
    return iter(DataLoader(sampler, batch_size=None, num_workers=workers, multiprocessing_context=context))
