"""Labelled frames of simulated worlds as a dataset, on all cores, in steps that a kill cannot damage."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2

from vit_perception.data.label_space import DEFAULT_SPACE, LabelSpace, read_label_space
from vit_perception.data.labelling.work import end_with_parent
from vit_perception.data.manifest import Manifest
from vit_perception.data.writer import DatasetWriter
from vit_perception.sim.mujoco_library import load_mujoco
from vit_perception.sim.recorder import FRAMES, Recorded, name_of, record_world
from vit_perception.sim.world import KINDS

# One world in so many is held out as `val`.
_VALIDATION = 20


@dataclass(frozen=True)
class Recording:
    """What to record.

    Attributes:
        frames: how many, at least 1.
        seed: of the first world; the others follow.
        kinds: of worlds, in turns.
        size: height and width of pictures in pixels.

    Raises:
        ValueError: a value is none of these; the message names it.
    """

    frames: int
    seed: int
    kinds: Sequence[str] = KINDS
    size: tuple[int, int] = (240, 320)

    def __post_init__(self) -> None:
        if self.frames < 1 or self.seed < 0 or min(self.size) < 16:
            raise ValueError("give at least 1 frame, a seed of 0 or more, and pictures of 16 pixels or more")
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown or not self.kinds:
            raise ValueError(f"unknown kind of world {unknown}: choose from {', '.join(KINDS)}")

    def worlds(self) -> Iterator[tuple[int, str, int]]:
        """(seed, kind, frames) of each world."""
        for place in range(-(-self.frames // FRAMES)):
            kind = self.kinds[place % len(self.kinds)]
            yield self.seed + place, kind, min(FRAMES, self.frames - place * FRAMES)


def record(
    recording: Recording,
    folder: Path,
    workers: int | None = None,
    progress: Callable[[int], object] = lambda count: None,
) -> int:
    """Record frames into a dataset of ours; go on where an earlier run was ended.

    The files are the same whatever the number of workers, and however often the run was ended.

    Args:
        recording: what to record.
        folder: of the dataset; a new one, or of an earlier run.
        workers: processes; None: one for each core.
        progress: called with how many frames are done since it was last called.

    Returns:
        Pictures in the dataset.

    Raises:
        RuntimeError: the renderer is not installed. ValueError: the folder holds something else.
    """
    load_mujoco()
    space = read_label_space(DEFAULT_SPACE)
    every = frozenset(range(len(space)))
    manifest = Manifest(
        space,
        frozenset(space.things),
        every,
        name=folder.resolve().name,
        description="Recorded in simulated worlds.",
        licence="CC0-1.0",
    )
    with DatasetWriter(folder, manifest) as writer:
        todo = []
        for seed, kind, count in recording.worlds():
            if all(name_of(seed, kind, frame) in writer for frame in range(count)):
                progress(count)
            else:
                todo.append((seed, kind, count))
        for seed, frames in _recorded(recording, todo, space, workers or len(os.sched_getaffinity(0))):
            part = "val" if seed % _VALIDATION == _VALIDATION - 1 else None
            for one in frames:
                if one.name not in writer:
                    writer.add(one.name, one.rgb, one.annotation, part)
            progress(len(frames))
        return len(writer)


def _recorded(
    recording: Recording, todo: Sequence[tuple[int, str, int]], space: LabelSpace, workers: int
) -> Iterator[tuple[int, list[Recorded]]]:
    """(seed, frames) of each world, in order. No more worlds are in memory than there are workers."""
    if workers == 1:
        for seed, kind, count in todo:
            yield seed, _frames(seed, kind, count, recording.size, space)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start) as pool:
        pending: deque[tuple[int, Future[list[Recorded]]]] = deque()
        for seed, kind, count in todo:
            pending.append((seed, pool.submit(_frames, seed, kind, count, recording.size, space)))
            if len(pending) > workers:
                first, future = pending.popleft()
                yield first, future.result()
        for seed, future in pending:
            yield seed, future.result()


def _frames(seed: int, kind: str, count: int, size: tuple[int, int], space: LabelSpace) -> list[Recorded]:
    with closing(record_world(seed, kind, size, space)) as frames:
        return [next(frames) for _ in range(count)]


def _start() -> None:
    """Make this process a worker, which renders on one core."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    os.environ["LP_NUM_THREADS"] = "1"
    cv2.setNumThreads(1)
