"""Masks of several teachers → one, with what they disagree on left unlabelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vit_perception.runtime.results import UNLABELLED

# A vote for none of the classes that the teacher knows. No label has this number: a mask has 255 at most.
OTHER = 256
# A mask may spill over the edge of its box, by this part of the box's sides.
_SPILL = 0.1


@dataclass(frozen=True)
class Vote:
    """What one teacher says of every pixel.

    Attributes:
        mask: (H, W) uint16 class ids of the label space; `UNLABELLED`: it says nothing; `OTHER`.
        knows: classes that it would have named: where it names another class, it is none of these.
        rough: whether its shapes are: where it does not count, that is no disagreement.
    """

    mask: np.ndarray
    knows: frozenset[int]
    rough: bool = False


def compose(votes: Sequence[Vote], things: frozenset[int]) -> np.ndarray:
    """One mask from several votes.

    A class counts where no teacher that knows it votes otherwise. Of the classes that count at a pixel, a
    thing covers stuff: a teacher without dogs calls a dog the grass that it stands on. Two things, two kinds
    of stuff, or stuff beside a class that does not count are a disagreement, and the pixel is unlabelled.

    Args:
        votes: of one picture, at least one.
        things: classes whose objects can be counted.

    Returns:
        (H, W) uint8 class ids; 255 is unlabelled.
    """
    chosen = {True: np.full(votes[0].mask.shape, UNLABELLED, np.uint16)}
    chosen[False] = chosen[True].copy()
    clash = {thing: np.zeros(votes[0].mask.shape, bool) for thing in chosen}
    is_thing = _table(things)
    for place, vote in enumerate(votes):
        names = vote.mask < UNLABELLED
        counts = names.copy()
        for other in (*votes[:place], *votes[place + 1 :]):
            says = (other.mask != UNLABELLED) & (other.mask != vote.mask)
            counts &= ~(says & _table(other.knows)[vote.mask])
        if not vote.rough:
            clash[False] |= names & ~counts
        for thing, classes in chosen.items():
            mine = counts & (is_thing[vote.mask] == thing)
            clash[thing] |= mine & (classes != UNLABELLED) & (classes != vote.mask)
            classes[mine] = vote.mask[mine]
    for thing, classes in chosen.items():
        classes[clash[thing]] = UNLABELLED
    covered = (chosen[True] != UNLABELLED) | clash[True]
    return np.where(covered, chosen[True], chosen[False]).astype(np.uint8)


def ellipses(boxes: np.ndarray, class_ids: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Boxes filled in as ellipses, small ones over large ones.

    Args:
        boxes: (N, 4) in pixels.
        class_ids: (N,).
        shape: of the mask: height and width.

    Returns:
        (H, W) uint16 class ids; `UNLABELLED` between the ellipses.
    """
    mask = np.full(shape, UNLABELLED, np.uint16)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    for place in np.argsort(-areas, kind="stable"):
        x_min, y_min, x_max, y_max = map(float, boxes[place])
        centre, axes = ((x_min + x_max) / 2, (y_min + y_max) / 2), (x_max - x_min, y_max - y_min)
        cv2.ellipse(mask, (centre, axes, 0.0), int(class_ids[place]), cv2.FILLED)
    return mask


def outside_boxes(
    mask: np.ndarray, boxes: np.ndarray, class_ids: np.ndarray, boxed: frozenset[int]
) -> np.ndarray:
    """Pixels of a thing that no box of the same class covers: detectors know things better than segmenters.

    Args:
        mask: (H, W) class ids.
        boxes: (N, 4) in pixels, those in doubt included.
        class_ids: (N,), of the boxes.
        boxed: classes that a detector would have found.

    Returns:
        (H, W) bool.
    """
    outside = np.zeros(mask.shape, bool)
    for class_id in set(np.unique(mask).tolist()) & boxed:
        lonely = mask == class_id
        for x_min, y_min, x_max, y_max in boxes[class_ids == class_id]:
            spill_x, spill_y = _SPILL * (x_max - x_min), _SPILL * (y_max - y_min)
            rows = slice(max(0, int(y_min - spill_y)), int(np.ceil(y_max + spill_y)))
            columns = slice(max(0, int(x_min - spill_x)), int(np.ceil(x_max + spill_x)))
            lonely[rows, columns] = False
        outside |= lonely
    return outside


def _table(classes: frozenset[int]) -> np.ndarray:
    """(257,) bool: whether a value of a vote is one of these classes."""
    table = np.zeros(OTHER + 1, bool)
    table[sorted(classes)] = True
    return table
