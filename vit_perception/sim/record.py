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
from typing import Any

import cv2

from vit_perception.data.label_space import DEFAULT_SPACE, LabelSpace, read_label_space
from vit_perception.data.labelling.work import end_with_parent, stay_on_a_core
from vit_perception.data.manifest import MANIFEST, Manifest, read_manifest
from vit_perception.data.writer import DatasetWriter
from vit_perception.sim.learner import Learner, Tally
from vit_perception.sim.mujoco_library import load_mujoco
from vit_perception.sim.recorder import Recorded, frames_of_world, name_of, record_world
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
        learner: who drives, with the expert in turns; None: the expert alone.

    Raises:
        ValueError: a value is none of these; the message names it.
    """

    frames: int
    seed: int
    kinds: Sequence[str] = KINDS
    size: tuple[int, int] = (240, 320)
    learner: Learner | None = None

    def __post_init__(self) -> None:
        if self.frames < 1 or self.seed < 0 or min(self.size) < 16:
            raise ValueError("give at least 1 frame, a seed of 0 or more, and pictures of 16 pixels or more")
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown or not self.kinds:
            raise ValueError(f"unknown kind of world {unknown}: choose from {', '.join(KINDS)}")

    def worlds(self) -> Iterator[tuple[int, str, int]]:
        """(seed, kind, frames) of each world."""
        each = frames_of_world(self.learner)
        for place in range(-(-self.frames // each)):
            kind = self.kinds[place % len(self.kinds)]
            yield self.seed + place, kind, min(each, self.frames - place * each)

    @property
    def source(self) -> str:
        """Who drove; empty: the expert alone."""
        if (learner := self.learner) is None:
            return ""
        return (
            f"{learner.name} (card {learner.digest}) drove for {learner.share:g} of the time, the expert for "
            "the rest."
        )


def record(
    recording: Recording,
    folder: Path,
    workers: int | None = None,
    progress: Callable[[int], object] = lambda count: None,
    tally: Tally | None = None,
) -> int:
    """Record frames into a dataset of ours; go on where an earlier run was ended.

    The files are the same whatever the number of workers, and however often the run was ended.

    Args:
        recording: what to record.
        folder: of the dataset; a new one, or of an earlier run.
        workers: processes; None: one for each core.
        progress: called with how many frames are done since it was last called.
        tally: that grows with the learner's drives of this run.

    Returns:
        Pictures in the dataset.

    Raises:
        RuntimeError: the renderer is not installed. ValueError: the folder holds something else, or frames
            of another driver.
    """
    load_mujoco()
    _check_source(folder, recording.source)
    space = read_label_space(DEFAULT_SPACE)
    every = frozenset(range(len(space)))
    manifest = Manifest(
        space,
        frozenset(space.things),
        every,
        name=folder.resolve().name,
        description="Recorded in simulated worlds.",
        licence="CC0-1.0",
        source=recording.source,
    )
    with DatasetWriter(folder, manifest) as writer:
        todo = []
        for seed, kind, count in recording.worlds():
            if all(name_of(seed, kind, frame, recording.learner) in writer for frame in range(count)):
                progress(count)
            else:
                todo.append((seed, kind, count))
        workers = workers or len(os.sched_getaffinity(0))
        for seed, (frames, of_world) in _recorded(recording, todo, space, workers):
            if tally is not None:
                tally.add(of_world)
            part = "val" if seed % _VALIDATION == _VALIDATION - 1 else None
            for one in frames:
                if one.name not in writer:
                    writer.add(one.name, one.rgb, one.annotation, part)
            progress(len(frames))
        return len(writer)


def _check_source(folder: Path, source: str) -> None:
    if (folder / MANIFEST).is_file() and (there := read_manifest(folder).source) != source:
        raise ValueError(
            f"{folder} has frames of another driver ({there or 'the expert alone'}): give another folder"
        )


# The frames of a world, and what came of its drives.
_World = tuple[list[Recorded], Tally]


def _recorded(
    recording: Recording, todo: Sequence[tuple[int, str, int]], space: LabelSpace, workers: int
) -> Iterator[tuple[int, _World]]:
    """(seed, what came of it) of each world, in order. No more are in memory than there are workers."""
    # A learner's numbers may depend on how many threads compute them: a worker has one.
    if workers == 1 and recording.learner is None:
        for seed, kind, count in todo:
            yield seed, _frames(recording, seed, kind, count, space)
        return
    context = multiprocessing.get_context("spawn")
    cores = context.Queue()
    for core in range(workers):
        cores.put(core)
    with ProcessPoolExecutor(
        workers, context, _start, (None if recording.learner is None else cores,)
    ) as pool:
        pending: deque[tuple[int, Future[_World]]] = deque()
        for seed, kind, count in todo:
            pending.append((seed, pool.submit(_frames, recording, seed, kind, count, space)))
            if len(pending) > workers:
                first, future = pending.popleft()
                yield first, future.result()
        for seed, future in pending:
            yield seed, future.result()


def _frames(recording: Recording, seed: int, kind: str, count: int, space: LabelSpace) -> _World:
    tally = Tally()
    made = record_world(seed, kind, recording.size, space, recording.learner, tally)
    with closing(made) as frames:
        return [next(frames) for _ in range(count)], tally


def _start(cores: Any) -> None:
    """Make this process a worker, which renders on one core; with `cores`, it also stays on one."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    if cores is not None:
        stay_on_a_core(cores)
    os.environ["LP_NUM_THREADS"] = "1"
    cv2.setNumThreads(1)
