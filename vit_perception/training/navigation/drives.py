"""Which frames train and which are held out, drive by drive, and the windows of a step."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.runtime.navigation_history import earlier
from vit_perception.runtime.navigation_input import fit_depth, goal_row
from vit_perception.training.navigation.config import NavigationTraining
from vit_perception.training.navigation.frames import Frames

# The parts that are held out, in the order in which drives go to them.
HELD_OUT = ("report", "choose")
# Shorter steps in time than this share of an interval are left out of a window.
_NEAR = 0.75


@dataclass(frozen=True)
class Drive:
    """Frames of one drive.

    Attributes:
        frames: of its dataset.
        name: of the drive.
        places: in `frames`, by time.
    """

    frames: Frames
    name: str
    places: np.ndarray

    def thinned(self, start: int, interval: float, most: int) -> list[int]:
        """At most `most` of `places` from number `start` on, at least about an interval apart."""
        seconds = self.frames.rows["seconds"]
        found: list[int] = []
        for place in self.places[start:].tolist():
            if not found or seconds[place] - seconds[found[-1]] >= _NEAR * interval:
                found.append(place)
            if len(found) == most:
                break
        return found


def drives_of(frames: Sequence[Frames]) -> list[Drive]:
    """The drives of some datasets."""
    found = []
    for each in frames:
        rows = each.rows
        for name in np.unique(rows["episode"][rows["known"]]).tolist():
            places = np.flatnonzero((rows["episode"] == name) & rows["known"])
            order = places[np.argsort(rows["seconds"][places], kind="stable")]
            found.append(Drive(each, name.decode("utf-8", "surrogateescape"), order))
    return found


def split_drives(drives: Sequence[Drive], share: float) -> dict[str, list[Drive]]:
    """`train`, `choose` and `report`: each held-out part has about this share of the drives, at least one.

    Pictures of one drive look alike, so that no drive is in two parts. The hash of its name decides, whatever
    other drives there are: what one run held out, a later one with more drives has not trained on.

    Raises:
        ValueError: there are fewer than three drives.
    """
    names = sorted({drive.name for drive in drives}, key=_draw)
    if len(names) < len(HELD_OUT) + 1:
        raise ValueError(f"{len(names)} drives are too few: record at least {len(HELD_OUT) + 1}")
    parts: dict[str, list[str]] = {"train": [], **{part: [] for part in HELD_OUT}}
    for name in names:
        place = int(_draw(name) / share)
        parts[HELD_OUT[place] if place < len(HELD_OUT) else "train"].append(name)
    for part in parts:
        if not parts[part]:
            parts[part].append(max(parts.values(), key=len).pop(0))
    return {part: [drive for drive in drives if drive.name in set(found)] for part, found in parts.items()}


def _draw(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


@dataclass(frozen=True)
class DriveBatch:
    """B frames of some windows, and their truth.

    Attributes:
        tokens: (B, 1 + gh·gw, D) float16, class token and patches.
        depth: (B, 1, h, w) metres in the network's input, 0 unknown.
        goal: (B, 4), see `NavigationHead`.
        history: (B, T) place in the batch of the frames before each, the newest last; -1: there is none.
        action: (B,) int64 places in `ACTIONS`.
        collision: (B,) 0 or 1.
        goal_distance: (B,) metres; NaN without a goal.
        path: (B, N, 2) metres.
        scan: (B, K) metres.
    """

    tokens: Tensor
    depth: Tensor
    goal: Tensor
    history: Tensor
    action: Tensor
    collision: Tensor
    goal_distance: Tensor
    path: Tensor
    scan: Tensor

    def to(self, device: torch.device) -> DriveBatch:
        """The same batch on `device`."""
        return DriveBatch(**{name: value.to(device) for name, value in vars(self).items()})


def windows(
    drives: Sequence[Drive], config: NavigationTraining, count: int, rng: np.random.Generator
) -> DriveBatch:
    """Some windows of random drives, the longer ones more often, with something missing now and then.

    Args:
        drives: to draw from.
        config: how long they are, and what is missing.
        count: of windows.
        rng: draws them.
    """
    lengths = np.array([len(drive.places) for drive in drives], float)
    chosen = []
    for index in rng.choice(len(drives), count, p=lengths / lengths.sum()):
        drive = drives[index]
        # Some begin near the end, or the last frames would hardly ever be seen.
        start = int(rng.integers(len(drive.places)))
        chosen.append((drive, drive.thinned(start, config.model.interval, config.window)))
    batch = make_batch(chosen, config.model)
    first = 0
    for _, places in chosen:
        window = slice(first, first + len(places))
        _forget(batch, window, config, rng)
        first += len(places)
    return batch


def _forget(batch: DriveBatch, window: slice, config: NavigationTraining, rng: np.random.Generator) -> None:
    """Take away depth, goal and history now and then, in place."""
    draw = rng.random()
    if draw < config.drop_depth:
        batch.depth[window] = 0.0
    elif draw < 2 * config.drop_depth:
        dies = window.start + int(rng.integers(window.stop - window.start))
        batch.depth[dies : window.stop] = 0.0
    if rng.random() < config.drop_goal:
        batch.goal[window] = 0.0
        batch.goal_distance[window] = torch.nan
    history = batch.history[window]
    missing = rng.random(history.shape) < config.drop_history
    missing |= rng.random((len(history), 1)) < config.drop_history
    history[torch.from_numpy(missing)] = -1


def in_order(drives: Sequence[Drive], config: NavigationConfig, most: int) -> Iterator[DriveBatch]:
    """All frames of some drives, an interval apart, in batches of at most `most` frames of one drive."""
    for drive in drives:
        places = drive.thinned(0, config.interval, len(drive.places))
        for start in range(0, len(places), most):
            yield make_batch([(drive, places[start : start + most])], config)


def make_batch(chosen: Sequence[tuple[Drive, Sequence[int]]], config: NavigationConfig) -> DriveBatch:
    """A batch of windows: the places of the frames of each in its drive's frames, by time."""
    rows = np.concatenate([drive.frames.rows[places] for drive, places in chosen])
    history: list[list[int]] = []
    for drive, places in chosen:
        first = len(history)
        times = drive.frames.rows["seconds"][places].tolist()
        for time in times:
            before = earlier(times, time, config)
            history.append([-1 if place is None else first + place for place in before])
    depth = [
        fit_depth(drive.frames.metres(place), drive.frames.geometry)
        for drive, places in chosen
        for place in places
    ]
    goals = [goal_row((max(float(distance), 0.0), float(bearing))) for distance, bearing in rows["goal"]]
    return DriveBatch(
        tokens=torch.from_numpy(np.concatenate([drive.frames.tokens[places] for drive, places in chosen])),
        depth=torch.from_numpy(np.stack(depth)[:, None]),
        goal=torch.from_numpy(np.stack(goals)),
        history=torch.tensor(history, dtype=torch.int64).reshape(len(rows), config.history),
        action=torch.from_numpy(rows["action"].astype(np.int64)),
        collision=torch.from_numpy(rows["collision"].astype(np.float32)),
        goal_distance=torch.from_numpy(rows["goal_distance"].copy()),
        path=torch.from_numpy(rows["path"].copy()),
        scan=torch.from_numpy(rows["scan"].copy()),
    )
