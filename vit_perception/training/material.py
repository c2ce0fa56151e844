"""What `quantize` and `compress` work with: pictures to adapt a model to, and others to measure it on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.data.joined import JoinedDataset
from vit_perception.data.packs.unpack import folder_of
from vit_perception.export.calibration import calibration_frames
from vit_perception.training.evaluate import labelled_pictures, numbers_to_measure

# Where nothing says what is held out, every fifth picture is only measured on.
_SHARE = 5


@dataclass(frozen=True)
class Material:
    """Pictures, of which none is in both parts unless there is only one.

    Attributes:
        frames: RGB pictures (H, W, 3) uint8 to adapt to.
        others: RGB pictures to compare answers on, where there are no labels.
        pictures: the labelled ones; None where there are none of the model's.
        numbers: of those to measure on.
        held_out: whether these are known not to have trained the model.
    """

    frames: list[np.ndarray]
    others: list[np.ndarray]
    pictures: JoinedDataset | None = None
    numbers: tuple[int, ...] = ()
    held_out: bool = False

    def measured(self) -> dict[str, int | bool]:
        """What the accuracy is of, for the card."""
        return {"photographs": len(self.numbers), "held_out": self.held_out}


def gather(data: Path, card: Card, splits: Path | None, count: int) -> Material:
    """The material of a folder or a pack for a model, with at most `count` frames.

    Args:
        splits: the `splits.yaml` of the run that trained the model, which says what it did not see.

    Raises:
        ValueError: there is no picture, `count` is not positive, or the dataset cannot be opened.
    """
    pictures = labelled_pictures(data, card)
    if pictures is None:
        frames = calibration_frames(folder_of(data), count + count // (_SHARE - 1))
        adapted = [frame for place, frame in enumerate(frames) if place % _SHARE]
        return Material(adapted or frames, frames[::_SHARE])
    if count < 1:
        raise ValueError(f"frames is {count}: give 1 or more")
    every = range(len(pictures))
    numbers = numbers_to_measure(pictures, splits)
    held_out = len(numbers) < len(every)
    numbers = numbers if held_out else numbers[::_SHARE]
    rest = sorted(set(every) - set(numbers)) or numbers
    places = np.unique(np.linspace(0, len(rest) - 1, min(count, len(rest))).astype(int))
    print(f"{len(places)} frames of {data} to adapt to, {len(numbers)} others to measure on")
    if not held_out:
        print("The model may have learned from these: --splits names those that it did not")
    return Material(
        [pictures.picture(rest[place]) for place in places], [], pictures, tuple(numbers), held_out
    )
