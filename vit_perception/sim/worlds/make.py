"""A world from a seed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from vit_perception.sim.plan import Plan
from vit_perception.sim.robot import RADIUS
from vit_perception.sim.route import Route
from vit_perception.sim.world import KINDS, Ground, World
from vit_perception.sim.worlds import office, rooms, warehouse, yard
from vit_perception.sim.worlds.builder import Builder
from vit_perception.sim.worlds.look import draw_looks
from vit_perception.sim.worlds.people import draw_walkers
from vit_perception.sim.worlds.placing import Floor

# Metres along the way from start to goal, at least.
LEAST_WAY = 5.0
# Widths and depths in metres, each drawn between two.
_SIZES = {
    "rooms": ((9.0, 14.0), (8.0, 12.0)),
    "office": ((13.0, 18.0), (9.0, 13.0)),
    "warehouse": ((12.0, 19.0), (10.0, 15.0)),
    "yard": ((12.0, 19.0), (12.0, 17.0)),
}
_BUILD: dict[str, Callable[[Floor], None]] = {
    "rooms": rooms.build,
    "office": office.build,
    "warehouse": warehouse.build,
    "yard": yard.build,
}
_CELL = 0.1
# Start and goal are so far from everything, robot's edge to edge, and reach this share of the world or more.
_CLEAR, _LEAST_SHARE = 0.12, 0.2
_ATTEMPTS, _CANDIDATES = 20, 40


def make_world(seed: int, kind: str | None = None, people: bool = True) -> World:
    """Make the world of a seed; the same one each time, to the byte.

    Args:
        seed: not negative.
        kind: one of KINDS; None: the seed chooses.
        people: whether somebody walks in it. Without them, all else is the same.

    Raises:
        ValueError: the kind is not one of KINDS, or the seed is negative.
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind is {kind!r}: choose from {', '.join(KINDS)}")
    if seed < 0:
        raise ValueError(f"seed is {seed}: give 0 or more")
    if kind is None:
        kind = KINDS[int(np.random.default_rng([seed, 0]).integers(len(KINDS)))]
    for attempt in range(_ATTEMPTS):
        rng = np.random.default_rng([seed, 10 + KINDS.index(kind), attempt])
        world = _with_ends(_built(seed, kind, rng), rng)
        if world is not None:
            return replace(world, walkers=draw_walkers(rng, world)) if people else world
    raise ValueError(
        f"no world of seed {seed} and kind {kind} lets a robot drive {LEAST_WAY:g} m: give another"
    )


def _built(seed: int, kind: str, rng: np.random.Generator) -> World:
    """A world without start and goal."""
    widths, depths = _SIZES[kind]
    bounds = (0.0, 0.0, float(rng.uniform(*widths)), float(rng.uniform(*depths)))
    looks = draw_looks(rng, kind, bounds)
    ground = Ground(np.zeros(0), np.zeros((0, 2)), np.zeros(0), looks.ground, looks.palette["floor"][0])
    if kind == "yard":
        ground = yard.draw_ground(rng, ground.label, ground.material)
    make = Builder(rng, looks.palette)
    _BUILD[kind](Floor(make, bounds))
    return World(
        seed,
        kind,
        bounds,
        tuple(make.things),
        tuple(make.solids),
        ground,
        (),
        (0.0, 0.0, 0.0),
        (0.0, 0.0),
        looks.look,
    )


def _with_ends(world: World, rng: np.random.Generator) -> World | None:
    """The same with start and goal; None if there is no way that is long enough."""
    plan = Plan(world)
    places = open_places(plan)
    if not len(places):
        return None
    goal = places[int(rng.integers(len(places)))]
    route = Route(plan, (float(goal[0]), float(goal[1])))
    for candidate in rng.permutation(len(places))[:_CANDIDATES]:
        x, y = places[candidate]
        if LEAST_WAY <= route.distance((x, y)) < math.inf:
            start = (float(x), float(y), float(rng.uniform(-math.pi, math.pi)))
            return replace(world, start=start, goal=(float(goal[0]), float(goal[1])))
    return None


def open_places(plan: Plan) -> np.ndarray:
    """(N, 2) points where the robot has room, in the largest area it can drive in; none if it is small."""
    x_min, y_min, x_max, y_max = plan.bounds
    xs, ys = np.arange(x_min + _CELL / 2, x_max, _CELL), np.arange(y_min + _CELL / 2, y_max, _CELL)
    clearance = plan.clearance_map(xs, ys, 1.0)
    free = (clearance >= RADIUS + 0.05).astype(np.uint8)
    _, areas, sizes, _ = cv2.connectedComponentsWithStats(free, connectivity=4)
    sizes = sizes[1:, cv2.CC_STAT_AREA]
    if not len(sizes) or sizes.max() < _LEAST_SHARE * free.size:
        return np.zeros((0, 2))
    rows, columns = np.nonzero((areas == 1 + sizes.argmax()) & (clearance >= RADIUS + _CLEAR))
    return np.column_stack([xs[columns], ys[rows]])
