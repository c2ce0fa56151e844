"""A picture a frame with all answers drawn on it, from the recording of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2

from vit_perception.replay.answers import read_answers
from vit_perception.viz.draw import draw_overlay

OVERLAYS = "overlays"


def write_overlays(results: Path, names: Sequence[str], folder: Path, progress: Callable[[], object]) -> None:
    """Write `folder/<name>.jpg` for every answered frame of `results`; what an earlier run left is removed.

    names: of the frames, in the order they were played.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.jpg"):
        stale.unlink()
    for frame in read_answers(results):
        drawn = draw_overlay(frame.image, frame.perception, frame.labels)
        cv2.imwrite(str(folder / f"{names[frame.index - 1]}.jpg"), cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
        progress()
