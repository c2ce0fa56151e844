"""The sets of pictures: rendered once, each from scene seeds of its own, and kept as files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from vit_and_cnn.geometry import look
from vit_and_cnn.plan import GRID, SIZES, Plan
from vit_and_cnn.render import Rendered, render
from vit_and_cnn.scene import draw_scene
from vit_perception.runtime.whole_file import whole_file
from vit_perception.training.targets import ACTIONS, way_ahead

SETS = ("distances", "train", "choose", "report")
# Scene seeds that a set may use: more than it will ever need.
_SEEDS_EACH = 1_000_000
_DRIVABLE, _OTHER = 0, 1
_MARGIN = 0.1
# The seeds come last: where they are, the set is whole.
_FIELDS = ("rgb", "actions", "log_distances", "seeds")


@dataclass(frozen=True)
class Pictures:
    """A set of N pictures.

    Attributes:
        rgb: (N, H, W, 3) uint8, of the largest of `SIZES`.
        actions: (N,) int64 indices of `ACTIONS`.
        log_distances: (N, 6, 8) float32, mean natural logarithm of the metres to what is seen in each cell.
        seeds: (N,) int64, of the scenes.
    """

    rgb: np.ndarray
    actions: np.ndarray
    log_distances: np.ndarray
    seeds: np.ndarray

    def __len__(self) -> int:
        return len(self.seeds)


def action_of(floor: np.ndarray) -> int | None:
    """The right action by where the floor is.

    Args:
        floor: (H, W) bool.

    Returns:
        Index of `ACTIONS`; None where `way_ahead` decides by few pixels: a third is nearly half free, or the
        middle is not and the sides are alike.
    """
    way = way_ahead(np.where(floor, _DRIVABLE, _OTHER).astype(np.uint8), {_DRIVABLE})
    assert way is not None  # every pixel is labelled
    action = ACTIONS[way[0]]
    lower = floor[int(floor.shape[0] * 0.6) :]
    left, middle, right = (part.mean() for part in np.array_split(lower, 3, axis=1))
    unclear = min(abs(share - 0.5) for share in (left, middle, right)) < _MARGIN
    alike = action.startswith("turn") and abs(left - right) < _MARGIN
    return None if unclear or alike else way[0]


def coarse_distances(distance: np.ndarray) -> np.ndarray:
    """Mean natural logarithm in the cells of `GRID` of metres (H, W)."""
    rows, columns = GRID
    return np.asarray(cv2.resize(np.log(distance), (columns, rows), interpolation=cv2.INTER_AREA))


def picture(seed: int, wanted: Collection[int]) -> tuple[Rendered, int] | None:
    """The picture of a scene and its action; None if there is none, or, by a glance, none that is wanted."""
    rng = np.random.default_rng(seed)
    scene = draw_scene(rng)
    if len(wanted) < len(ACTIONS):
        small = (SIZES[-1][0] // 4, SIZES[-1][1] // 4)
        if action_of((look(scene, small).surface < scene.drivable).reshape(small)) not in wanted:
            return None
    rendered = render(scene, SIZES[-1], rng)
    action = action_of(rendered.floor)
    return None if action is None else (rendered, action)


def render_set(name: str, size: int, pool: Executor) -> Pictures:
    """Render a set. All actions are equally frequent but in `distances`, which has them as they come.

    Args:
        name: one of `SETS`, which says what scene seeds it may use.
        size: number of its pictures.
        pool: of processes to render in.
    """
    most = size if name == "distances" else size // len(ACTIONS)
    found: list[tuple[Rendered, int, int]] = []
    actions: Counter[int] = Counter()
    chunk = max(size // 4, 32)
    for first in count(SETS.index(name) * _SEEDS_EACH, chunk):
        seeds = range(first, first + chunk)
        wanted = frozenset(action for action in range(len(ACTIONS)) if actions[action] < most)
        answers = pool.map(partial(picture, wanted=wanted), seeds, chunksize=16)
        for seed, answer in zip(seeds, answers, strict=True):
            if answer is not None and actions[answer[1]] < most and len(found) < size:
                found.append((*answer, seed))
                actions[answer[1]] += 1
        if len(found) == size:
            break
    return Pictures(
        rgb=np.stack([rendered.rgb for rendered, *_ in found]),
        actions=np.array([action for _, action, _ in found]),
        log_distances=np.stack([coarse_distances(rendered.distance) for rendered, *_ in found]),
        seeds=np.array([seed for *_, seed in found]),
    )


def write_set(pictures: Pictures, folder: Path) -> None:
    """Write what `read_set` reads."""
    for field in _FIELDS:
        with whole_file(folder / f"{field}.npy") as file:
            np.save(file, getattr(pictures, field))


def read_set(folder: Path) -> Pictures:
    """The set in a folder; its pictures stay on disk until they are looked at."""
    return Pictures(**{field: np.load(folder / f"{field}.npy", mmap_mode="r") for field in _FIELDS})


def make_sets(plan: Plan, folder: Path, pool: Executor) -> dict[str, Pictures]:
    """The four sets by name, rendered if they are not there yet.

    Raises:
        ValueError: two share a scene.
    """
    sets = {}
    for name in SETS:
        size = getattr(plan, name)
        if not (folder / name / f"{_FIELDS[-1]}.npy").exists():
            print(f"{name}: rendering {size} pictures", flush=True)
            write_set(render_set(name, size, pool), folder / name)
        sets[name] = read_set(folder / name)
    check_apart(sets)
    return sets


def check_apart(sets: Mapping[str, Pictures]) -> None:
    """Check that no scene is in two sets, or twice in one.

    Raises:
        ValueError: one is.
    """
    seen: dict[int, str] = {}
    for name, pictures in sets.items():
        for seed in pictures.seeds.tolist():
            if seed in seen:
                raise ValueError(f"scene {seed} is in {seen[seed]} and in {name}")
            seen[seed] = name
