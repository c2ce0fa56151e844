"""A picture for each frame of a recorded run, with all results drawn on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2

from vit_perception.replay.disk import names_a_full_disk
from vit_perception.replay.results import read_results
from vit_perception.runtime.whole_file import write_image
from vit_perception.viz.draw import draw_overlay

OVERLAYS = "overlays"


def write_overlays(results: Path, names: Sequence[str], folder: Path, progress: Callable[[], object]) -> None:
    """Write `folder/<name>.jpg` for every frame with results. Pictures of an earlier run are removed.

    Args:
        results: the results.mcap of a run.
        names: of the frames, in the order they were played.
        folder: for the pictures; made if it is not there.
        progress: called after each picture.

    Raises:
        DiskFull: there is no room for a picture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.jpg"):
        stale.unlink()
    for frame in read_results(results):
        drawn = draw_overlay(frame.image, frame.perception, frame.labels)
        path = folder / f"{names[frame.index - 1]}.jpg"
        with names_a_full_disk(path):
            write_image(path, cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
        progress()
