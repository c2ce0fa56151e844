"""The runs: each network from each start with each seed. What is done is a file, and is not done again."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from vit_and_cnn.networks import NAMES
from vit_and_cnn.plan import Plan
from vit_and_cnn.sets import SETS, read_set
from vit_and_cnn.training import examine, learn, pretrain
from vit_perception.runtime.whole_file import write_whole

STARTS = ("scratch", "pretrained")


@dataclass(frozen=True)
class Job:
    """The runs of one network with one seed.

    Attributes:
        network: its name.
        seed: of everything random.
        plan: the recipe.
        folder: of the experiment.
    """

    network: str
    seed: int
    plan: Plan
    folder: Path

    def file(self, start: str) -> Path:
        """Where the run from a start is kept."""
        return self.folder / "runs" / f"{self.network}-{start}-{self.seed}.json"


def jobs(plan: Plan, folder: Path) -> list[Job]:
    """All of them, those of a seed side by side."""
    return [Job(network, seed, plan, folder) for seed in plan.seeds for network in NAMES]


@contextmanager
def workers() -> Iterator[Executor]:
    """A process for each core that this one may use. Networks so small gain nothing from a second core."""
    context = get_context("spawn")
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), context, _one_thread) as pool:
        yield pool


def _one_thread() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def keep_plan(plan: Plan, folder: Path) -> None:
    """Write the plan, or check that what is in the folder followed the same.

    Raises:
        ValueError: it followed another.
    """
    path = folder / "plan.json"
    text = json.dumps(dataclasses.asdict(plan))
    if path.exists() and path.read_text() != text:
        raise ValueError(f"{folder} holds an experiment of another plan: give another OUTPUT")
    write_whole(path, text.encode())


def carry_out(plan: Plan, folder: Path, pool: Executor) -> list[dict[str, Any]]:
    """Do the runs that are not there yet, and return what all of them found.

    Returns:
        For each run: `network`, `start`, `seed`, `seconds`, `curve` (step, loss, percent right), and what
        `examine` tells.
    """
    every = jobs(plan, folder)
    for done in as_completed([pool.submit(work, job) for job in every]):
        done.result()
    return [json.loads(job.file(start).read_text()) for start in STARTS for job in every]


def work(job: Job) -> None:
    """Do the runs of a job that are not there yet."""
    sets = {name: read_set(job.folder / "sets" / name) for name in SETS}
    for start in STARTS:
        if job.file(start).exists():
            continue
        weights = _pretrained(job) if start == "pretrained" else None
        begin = time.monotonic()
        network, curve = learn(job.network, weights, sets["train"], sets["choose"], job.plan, job.seed)
        found = {
            "network": job.network,
            "start": start,
            "seed": job.seed,
            "seconds": round(time.monotonic() - begin, 1),
            "curve": curve,
            **examine(network, sets["report"]),
        }
        write_whole(job.file(start), json.dumps(found).encode())
        _say(job, start, f"{curve[-1][2]:.1f} % of the pictures that choose", begin)


def _pretrained(job: Job) -> dict[str, Tensor]:
    """Weights of the backbone after pre-training with the seed of the job."""
    path = job.folder / "pretrained" / f"{job.network}-{job.seed}.safetensors"
    if not path.exists():
        begin = time.monotonic()
        distances = read_set(job.folder / "sets" / "distances")
        weights, course = pretrain(job.network, distances, job.plan, job.seed)
        write_whole(path, save({name: each.contiguous() for name, each in weights.items()}))
        _say(job, "pre-training", f"loss {course[0]:.3f} to {course[-1]:.3f}", begin)
    return load_file(path)


def _say(job: Job, what: str, found: str, begin: float) -> None:
    print(f"{job.network} {what}, seed {job.seed}: {found}, {time.monotonic() - begin:.0f} s", flush=True)
