"""Small worlds whose geometry a test knows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from vit_perception.sim.world import Ground, Lamp, Look, Material, Solid, Thing, Walker, World

FLAT = Ground(np.zeros(0), np.zeros((0, 2)), np.zeros(0), "floor", 0)
LOOK = Look(
    materials=(Material("plain", ((0.5, 0.5, 0.5), (0.6, 0.6, 0.6)), 1.0, 0.0),),
    lamps=(Lamp((0.0, 0.0, 3.0), None, (1.0, 1.0, 1.0)),),
    ambient=0.4,
    sky=(0.5, 0.6, 0.8),
    camera_height=0.3,
    camera_pitch=0.0,
    field_of_view=math.radians(50),
    exposure=1.0,
    blur_seconds=0.0,
    noise=0.0,
)


def box(
    x: float,
    y: float,
    half_x: float,
    half_y: float,
    yaw: float = 0.0,
    bottom: float = 0.0,
    top: float = 1.0,
) -> Solid:
    middle, half = (bottom + top) / 2, (top - bottom) / 2
    return Solid("box", (x, y, middle), (half_x, half_y, half), yaw, 0, 0)


def post(x: float, y: float, radius: float) -> Solid:
    return Solid("cylinder", (x, y, 0.5), (radius, radius, 0.5), 0.0, 0, 0)


def person(path: Sequence[tuple[float, float]], speed: float = 1.0, start: float = 0.0) -> Walker:
    return Walker(
        np.array(path), speed, start, 0.25, 1.7, ((0.8, 0.6, 0.5), (0.1, 0.2, 0.6), (0.2, 0.2, 0.2))
    )


def room(
    *solids: Solid,
    walkers: tuple[Walker, ...] = (),
    half: float = 5.0,
    start: tuple[float, float, float] = (-4.0, 0.0, 0.0),
    goal: tuple[float, float] = (4.0, 0.0),
    seed: int = 0,
) -> World:
    """A square room around (0, 0) whose walls' inner sides are `half` metres away, with what stands in it."""
    walls = (
        box(half + 0.1, 0, 0.1, half + 0.2),
        box(-half - 0.1, 0, 0.1, half + 0.2),
        box(0, half + 0.1, half + 0.2, 0.1),
        box(0, -half - 0.1, half + 0.2, 0.1),
    )
    return World(
        seed=seed,
        kind="rooms",
        bounds=(-half, -half, half, half),
        things=(Thing("wall"),),
        solids=(*walls, *solids),
        ground=FLAT,
        walkers=walkers,
        start=start,
        goal=goal,
        look=LOOK,
    )
