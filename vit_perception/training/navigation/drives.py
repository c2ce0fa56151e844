"""Which frames train and which are held out, world by world, and the windows of a step."""

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
from vit_perception.runtime.preprocess import Geometry
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
        world: in which it was: the folder of its pictures' names, or the name of the drive where they have
            none.
        held: whether its dataset holds it out.
        places: in `frames`, by time.
    """

    frames: Frames
    name: str
    world: str
    held: bool
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
        rows, dataset = each.rows, each.dataset
        held = np.zeros(len(rows), bool)
        for members in dataset.parts.values():
            held[members] = True
        known = np.flatnonzero(rows["known"])
        episodes, numbers = np.unique(rows["episode"][known], return_inverse=True)
        order = np.lexsort((rows["seconds"][known], numbers))
        borders = np.flatnonzero(np.diff(numbers[order])) + 1
        for episode, part in zip(episodes.tolist(), np.split(order, borders), strict=True):
            places, name = known[part], episode.decode("utf-8", "surrogateescape")
            world = dataset.name(int(places[0])).rpartition("/")[0] or name
            found.append(Drive(each, name, world, bool(held[places].any()), places))
    return found


def split_drives(drives: Sequence[Drive], share: float) -> dict[str, list[Drive]]:
    """`train`, `choose` and `report`: no world is in two of them.

    Held out are the worlds that the datasets hold out, half of them in each part; where they hold none out,
    about this share in each. The hash of a world's name decides, whatever other worlds there are: what one
    run held out, a later one with more drives has not trained on.

    Raises:
        ValueError: there are fewer than three worlds.
    """
    worlds = sorted({drive.world for drive in drives}, key=_draw)
    if len(worlds) < len(HELD_OUT) + 1:
        raise ValueError(f"drives in {len(worlds)} worlds are too few: record at least {len(HELD_OUT) + 1}")
    held = {drive.world for drive in drives if drive.held}
    parts: dict[str, list[str]] = {"train": [], **{part: [] for part in HELD_OUT}}
    for world in worlds:
        place = int(_draw(world) / (1 / len(HELD_OUT) if held else share))
        trains = world not in held if held else place >= len(HELD_OUT)
        parts["train" if trains else HELD_OUT[place]].append(world)
    for part in parts:
        if not parts[part]:  # what is held out is no loss to training
            spare = [parts[each] for each in HELD_OUT if len(parts[each]) > 1] or [*parts.values()]
            parts[part].append(max(spare, key=len).pop(0))
    return {part: [each for each in drives if each.world in set(found)] for part, found in parts.items()}


def _draw(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


@dataclass(frozen=True)
class DriveBatch:
    """B frames of some windows, and their truth.

    Attributes:
        tokens: (B, 1 + gh·gw, D) float16, class token and patches.
        level: (B, C, h, w) float16, what the navigator reads of the pyramid; C is 0 where it reads nothing.
        depth: (B, 1, h, w) metres in the network's input, 0 unknown.
        goal: (B, 4), see `NavigationHead`.
        history: (B, T) place in the batch of the frames before each, the newest last; -1: there is none.
        action: (B,) int64 places in `ACTIONS`.
        collision: (B,) 0 or 1.
        goal_distance: (B,) metres; NaN without a goal.
        path: (B, N, 2) metres.
        scan: (B, K) metres.
        free_space: (B, w) row at which free ground ends in each column of the level, as a share of the
            input's height; not a number where nobody knows.
    """

    tokens: Tensor
    level: Tensor
    depth: Tensor
    goal: Tensor
    history: Tensor
    action: Tensor
    collision: Tensor
    goal_distance: Tensor
    path: Tensor
    scan: Tensor
    free_space: Tensor

    def to(self, device: torch.device) -> DriveBatch:
        """The same batch on `device`."""
        return DriveBatch(**{name: value.to(device) for name, value in vars(self).items()})


def windows(
    drives: Sequence[Drive], config: NavigationTraining, count: int, rng: np.random.Generator
) -> DriveBatch:
    """Some windows of random drives, the longer ones more often, with something missing now and then.

    None is mirrored: tokens know left from right, so that each frame would go through the trunk and onto the
    disk twice. Worlds turn left as often as right.

    Args:
        drives: to draw from.
        config: how long they are, and what is missing.
        count: of whole windows; shorter ones, of short drives or from near an end, are made up for by more.
            So every batch has as many frames: for another number, a CPU would compile its kernels anew.
        rng: draws them.
    """
    lengths = np.array([len(drive.places) for drive in drives], float)
    chosen: list[tuple[Drive, list[int]]] = []
    missing = count * config.window
    while missing:
        drive = drives[rng.choice(len(drives), p=lengths / lengths.sum())]
        # Some begin near the end, or the last frames would hardly ever be seen.
        start = int(rng.integers(len(drive.places)))
        most = min(config.window, missing)
        chosen.append((drive, drive.thinned(start, config.model.interval, most)))
        missing -= len(chosen[-1][1])
    batch = make_batch(chosen, config.model)
    first = 0
    for _, places in chosen:
        window = slice(first, first + len(places))
        _drift(batch.goal[window], config.goal_drift, rng)
        _forget(batch, window, config, rng)
        first += len(places)
    return batch


def _drift(goals: Tensor, metres: float, rng: np.random.Generator) -> None:
    """Move the goals (F, GOAL_SIZE) of a window together, in place, by so many metres or so."""
    offset = torch.from_numpy(rng.normal(0.0, metres, 2).astype(np.float32))
    # x is ahead and y to the left: the cosine comes first.
    places = goals[:, :1] * goals[:, 1:3].flip(1) + offset
    distance = places.norm(dim=1, keepdim=True)
    goals[:, :1] = distance
    goals[:, 1:3] = places.flip(1) / distance.clamp(min=1e-6)


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
    level = [_level(drive.frames, list(places)) for drive, places in chosen]
    ends = [
        _ends(row, drive.frames.geometry, level[0].shape[-1])
        for drive, places in chosen
        for row in drive.frames.rows["free_space"][places]
    ]
    return DriveBatch(
        tokens=torch.from_numpy(np.concatenate([drive.frames.tokens[places] for drive, places in chosen])),
        level=torch.from_numpy(np.concatenate(level)),
        depth=torch.from_numpy(np.stack(depth)[:, None]),
        goal=torch.from_numpy(np.stack(goals)),
        history=torch.tensor(history, dtype=torch.int64).reshape(len(rows), config.history),
        action=torch.from_numpy(rows["action"].astype(np.int64)),
        collision=torch.from_numpy(rows["collision"].astype(np.float32)),
        goal_distance=torch.from_numpy(rows["goal_distance"].copy()),
        path=torch.from_numpy(rows["path"].copy()),
        scan=torch.from_numpy(rows["scan"].copy()),
        free_space=torch.from_numpy(np.stack(ends)),
    )


def _level(frames: Frames, places: list[int]) -> np.ndarray:
    if frames.levels is None:
        return np.zeros((len(places), 0, 0, 0), np.float16)
    return np.asarray(frames.levels[places])


def _ends(rows: np.ndarray, geometry: Geometry, columns: int) -> np.ndarray:
    """Rows (FREE_COLUMNS,) of a picture → (columns,) rows of the input, both as shares."""
    top, left = geometry.offset
    places = ((np.arange(columns) + 0.5) / max(columns, 1) * geometry.input[1] - left) / geometry.content[1]
    nearest = np.floor(places * len(rows)).astype(int)
    inside = (nearest >= 0) & (nearest < len(rows))
    found = np.where(inside, rows[nearest.clip(0, len(rows) - 1)], np.nan)
    return ((found * geometry.content[0] + top) / geometry.input[0]).astype(np.float32)
