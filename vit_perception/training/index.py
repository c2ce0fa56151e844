"""What is labelled in each picture of a dataset, from one pass over it: to draw, split and weigh by."""

from __future__ import annotations

import ast
import functools
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from tqdm import tqdm

from vit_perception.training.examples import Known, Pictures, known_classes
from vit_perception.training.workers import start_loading, start_worker

# Share of a picture that a class has to cover for the picture to be an example of it.
NOTABLE = 0.01


@dataclass(frozen=True)
class Index:
    """P pictures, C classes.

    Attributes:
        boxed: (P, C) bool, which classes have a box.
        shares: (P, C) float16, share of the picture that each class covers in its mask.
        groups: (P,) place in `known` of what the labels of each picture know.
        known: what labels know; pictures of one group know the same classes.
    """

    boxed: np.ndarray
    shares: np.ndarray
    groups: np.ndarray
    known: tuple[Known, ...]

    def __len__(self) -> int:
        return len(self.boxed)

    @property
    def examples(self) -> np.ndarray:
        """(P, C) bool: of which classes each picture is an example."""
        return np.asarray(self.boxed | (self.shares > NOTABLE))

    def known_by_any(self, numbers: Iterable[int]) -> Known:
        """What the labels of at least one of these pictures know."""
        return functools.reduce(
            operator.or_, (self.known[group] for group in set(self.groups[list(numbers)]))
        )


class _Rows(TorchDataset[tuple[np.ndarray, np.ndarray, Known]]):
    """Number of a picture → its rows in the index. What workers compute."""

    def __init__(self, pictures: Pictures) -> None:
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray, Known]:
        count = len(self.pictures.space)
        annotation = self.pictures.annotation(number)
        known = known_classes(self.pictures, number, annotation)
        boxed, shares = np.zeros(count, bool), np.zeros(count, np.float16)
        boxed[annotation.class_ids] = True
        if annotation.semantic is not None:
            pixels = np.bincount(annotation.semantic.ravel(), minlength=256)[:count]
            shares = (pixels / annotation.semantic.size).astype(np.float16)
        return boxed, shares, known


def _as_it_is(row: Any) -> Any:
    return row


def make_index(pictures: Pictures, workers: int = 0) -> Index:
    """Read the labels of every picture.

    Args:
        pictures: to read.
        workers: processes that read; 0 reads in this one.

    Raises:
        ValueError: there are no pictures, or labels cannot be read.
    """
    if not len(pictures):
        raise ValueError("there are no pictures: give a folder with labelled pictures")
    rows = DataLoader(
        _Rows(pictures),
        batch_size=None,
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,
        collate_fn=_as_it_is,
        worker_init_fn=start_worker if workers else None,
    )
    boxed, shares, groups = [], [], []
    known: dict[Known, int] = {}
    for row in tqdm(start_loading(rows), total=len(pictures), desc="labels", disable=None):
        boxed.append(row[0])
        shares.append(row[1])
        groups.append(known.setdefault(row[2], len(known)))
    return Index(np.stack(boxed), np.stack(shares), np.array(groups), tuple(known))


def save_index(index: Index, path: Path) -> None:
    """Write an index, so that a resumed run need not read all labels again."""
    known = [
        [sorted(each.boxes), sorted(each.masks), sorted(each.absent), sorted(each.dense)]
        for each in index.known
    ]
    np.savez_compressed(
        path,
        boxed=index.boxed,
        shares=index.shares,
        groups=index.groups,
        known=np.array(repr(known)),
    )


def load_index(path: Path) -> Index:
    """What `save_index` wrote."""

    with np.load(path) as kept:
        known = ast.literal_eval(str(kept["known"]))
        return Index(
            kept["boxed"],
            kept["shares"],
            kept["groups"],
            tuple(Known(*map(frozenset, each)) for each in known),
        )
