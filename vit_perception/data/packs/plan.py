"""Which pictures go into a pack, and at which quality, so that it stays under its limit."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Of JPEG, best first. Below the last one a picture is not worth learning from.
QUALITIES = tuple(range(95, 35, -5))


@dataclass(frozen=True)
class Costs:
    """Bytes in the pack of each of N pictures.

    Attributes:
        pictures: (N, len(QUALITIES)) int64, of the picture at each quality.
        others: (N,) int64, of its masks, its depth and its share of the COCO files.
    """

    pictures: np.ndarray
    others: np.ndarray

    def choose(self, numbers: np.ndarray, budget: int) -> tuple[int, int]:
        """The best quality at which all pictures fit; else the least one, and as many as fit.

        Args:
            numbers: of the pictures, the ones to keep first.
            budget: bytes for all of them.

        Returns:
            The place of the quality in `QUALITIES`, and how many of `numbers` fit.
        """
        pictures, others = self.pictures[numbers], self.others[numbers]
        for place in range(len(QUALITIES)):
            if pictures[:, place].sum() + others.sum() <= budget:
                return place, len(numbers)
        totals = np.cumsum(pictures[:, -1] + others)
        return len(QUALITIES) - 1, int(np.searchsorted(totals, budget, side="right"))


def groups_of(parts: Sequence[str], classes: Sequence[frozenset[int]]) -> list[tuple[str, int]]:
    """For each picture its held-out part and its rarest class, -1 if it has none.

    Args:
        parts: of each picture, empty for training.
        classes: class ids that are in each picture.
    """
    counts = Counter(class_id for found in classes for class_id in found)
    return [
        (part, min(found, key=lambda class_id: (counts[class_id], class_id), default=-1))
        for part, found in zip(parts, classes, strict=True)
    ]


def deal(groups: Sequence[tuple[str, int]], names: Sequence[str], slices: int) -> list[np.ndarray]:
    """Deal pictures out to slices, evenly from every group.

    Args:
        groups: of each picture.
        names: of the pictures; they decide the order within a group, by their hashes.
        slices: how many.

    Returns:
        The numbers of the pictures of each slice, in an order in which every beginning has about the same
        share of each group. So what is cut off at the end comes evenly from all.
    """
    hashes = [hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest() for name in names]
    order = sorted(range(len(names)), key=lambda number: (groups[number], hashes[number]))
    dealt = []
    for first in range(slices):
        members = order[first::slices]
        sizes = Counter(groups[number] for number in members)
        seen: Counter[tuple[str, int]] = Counter()
        ranked = []
        for number in members:
            group = groups[number]
            ranked.append(((seen[group] + 0.5) / sizes[group], hashes[number], number))
            seen[group] += 1
        dealt.append(np.array([number for *_, number in sorted(ranked)], np.int64))
    return dealt
