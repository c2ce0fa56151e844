"""What quantising and compressing share: frames to measure on, and the time of an engine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vit_perception.runtime.engines import NOTHING, Engine
from vit_perception.viz.pictures import find_pictures, read_picture

_ROUNDS = 30


def calibration_frames(data: Path, count: int) -> list[np.ndarray]:
    """At most `count` RGB pictures of a folder, spread evenly over it.

    Raises:
        ValueError: `count` is not positive, or there is no picture.
    """
    if count < 1:
        raise ValueError(f"frames is {count}: give 1 or more")
    # A folder for training keeps its photographs apart from the masks, which are pictures too.
    photographs = data / "images" if (data / "images").is_dir() else data
    paths = find_pictures(photographs)
    chosen = np.unique(np.linspace(0, len(paths) - 1, min(count, len(paths))).astype(int))
    print(f"{len(chosen)} frames of {photographs} to measure on")
    return [read_picture(paths[index]) for index in chosen]


def median_ms(engine: Engine, images: np.ndarray, extra: Mapping[str, np.ndarray] = NOTHING) -> float:
    """Milliseconds of one call, once it is compiled."""
    engine(images, extra=extra)
    times = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        engine(images, extra=extra)
        times.append(1e3 * (time.perf_counter() - start))
    return float(np.median(times))
