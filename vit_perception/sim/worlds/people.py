"""People for a world: each walks to and fro between places, around what stands there."""

from __future__ import annotations

import colorsys

import numpy as np

from vit_perception.sim.plan import Plan
from vit_perception.sim.route import Route
from vit_perception.sim.world import Walker, World

# Metres: of a way to and fro, at least, and from the robot's start at the beginning.
_LEAST_WAY, _FROM_START = 4.0, 1.6
_RADIUS = 0.25
_TRIES = 30


def draw_walkers(rng: np.random.Generator, world: World) -> tuple[Walker, ...]:
    """Two to five people, fewer where they find no way."""
    plan = Plan(world)
    found = []
    for _ in range(int(rng.integers(2, 6))):
        walker = _drawn(rng, world, plan)
        if walker is not None:
            found.append(walker)
    return tuple(found)


def _drawn(rng: np.random.Generator, world: World, plan: Plan) -> Walker | None:
    x_min, y_min, x_max, y_max = world.bounds
    low, high = np.array([x_min, y_min]) + 0.5, np.array([x_max, y_max]) - 0.5
    for _ in range(_TRIES):
        first, last = rng.uniform(low, high), rng.uniform(low, high)
        if plan.clearance(np.stack([first, last])).min() < _RADIUS + 0.1:
            continue
        way = Route(plan, (float(last[0]), float(last[1])), cell=0.2).path(first)
        if len(way) < 2:
            continue
        way = _straightened(way, plan)
        length = float(np.hypot(*np.diff(way, axis=0).T).sum())
        walker = Walker(
            path=np.vstack([way, way[-2:0:-1]]),
            speed=float(rng.uniform(0.5, 1.3)),
            start=float(rng.uniform(0, 2 * length)),
            radius=_RADIUS,
            height=float(rng.uniform(1.5, 1.9)),
            colours=_colours(rng),
        )
        x, y, _ = walker.at(0.0)
        if length >= _LEAST_WAY and np.hypot(x - world.start[0], y - world.start[1]) >= _FROM_START:
            return walker
    return None


def _straightened(way: np.ndarray, plan: Plan) -> np.ndarray:
    """The corners that are needed: from each, the farthest one that can be walked to straight."""
    kept, place = [0], 0
    while place < len(way) - 1:
        for target in range(len(way) - 1, place, -1):
            steps = max(2, int(np.hypot(*(way[target] - way[place])) / 0.1))
            between = np.linspace(way[place], way[target], steps)
            if target == place + 1 or plan.clearance(between).min() >= _RADIUS + 0.02:
                break
        kept.append(target)
        place = target
    return way[kept]


def _colours(rng: np.random.Generator) -> tuple[tuple[float, float, float], ...]:
    """Skin, shirt, trousers."""
    skin = np.array((0.9, 0.7, 0.58)) * rng.uniform(0.35, 1.05)
    shirt = colorsys.hsv_to_rgb(
        float(rng.random()), float(rng.uniform(0, 0.9)), float(rng.uniform(0.1, 0.95))
    )
    trousers = colorsys.hsv_to_rgb(
        float(rng.uniform(0.05, 0.7)), float(rng.uniform(0, 0.5)), float(rng.uniform(0.05, 0.5))
    )
    return (float(skin[0]), float(skin[1]), float(skin[2])), shirt, trousers
