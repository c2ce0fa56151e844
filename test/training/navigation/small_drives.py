"""Drives past a wall that is drawn, for tests: what is near is bright, in the picture and in the depth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vit_perception.data.annotation import Annotation
from vit_perception.data.dataset import Dataset
from vit_perception.data.label_space import Label, LabelSpace
from vit_perception.data.manifest import Manifest
from vit_perception.data.navigation import NavigationTruth
from vit_perception.data.open import open_dataset
from vit_perception.data.writer import DatasetWriter

SPACE = LabelSpace((Label("person"), Label("ground", thing=False, drivable=True)))
SIZE = (60, 80)


def truth(drive: int, frame: int, seconds: float, metres: float, left: bool) -> NavigationTruth:
    turn = 0.5 if left else -0.5
    return NavigationTruth(
        episode=f"drive {drive}",
        frame=frame,
        seconds=seconds,
        velocity=(0.5, 0.0),
        goal=(4.0, turn),
        goal_distance=4.5,
        collision=metres < 1.0,
        action="turn_left" if left else "turn_right",
        scan=np.full(32, metres, np.float32),
        free_space=np.full(24, 1 / (1 + metres), np.float32),
        path=np.stack([np.linspace(0.25, 2, 8), turn * np.linspace(0, 1, 8)], axis=1),
    )


def write_drives(
    folder: Path,
    drives: int = 5,
    frames: int = 6,
    rate: float = 5.0,
    folders: bool = False,
    held: Sequence[int] = (),
) -> Dataset:
    """A dataset of drives; in the last one, there is no depth.

    Args:
        folder: of the dataset.
        drives: how many.
        frames: of each.
        rate: frames a second.
        folders: whether pictures are in a folder for each world, of two drives.
        held: drives that the dataset holds out.
    """
    rng = np.random.default_rng(0)
    with DatasetWriter(folder, Manifest(SPACE, frozenset(), frozenset())) as writer:
        for drive in range(drives):
            for frame in range(frames):
                metres, left = float(rng.uniform(0.4, 5.0)), bool(rng.integers(2))
                picture = np.full((*SIZE, 3), int(255 - 40 * metres), np.uint8)
                picture[:, :40] = 255 if left else 0
                depth = np.full(SIZE, metres, np.float32)
                depth[:6] = np.nan
                way = truth(drive, frame, frame / rate, metres, left)
                annotation = Annotation(depth=None if drive == drives - 1 else depth, navigation=way)
                world = f"world{drive // 2}/" if folders else ""
                part = "val" if drive in held else None
                writer.add(f"{world}{drive}-{frame:02}", picture, annotation, part)
    return open_dataset(folder)
