"""A yard with slopes: a fence or a wall around it, trees, benches, parked cars, a shed, stacks and cones."""

from __future__ import annotations

import math

import numpy as np

from vit_perception.sim.world import Ground
from vit_perception.sim.worlds import goods, outdoors
from vit_perception.sim.worlds.builder import Builder
from vit_perception.sim.worlds.placing import Floor, Item, Rectangle

# What a robot may drive up: rise per metre.
_STEEPEST = 0.16
_LARGE = (
    Item(outdoors.car, 4.3, 1.9),
    Item(outdoors.shed, 3.0, 3.4),
    Item(outdoors.picnic_table, 1.8, 2.0),
    Item(outdoors.tree, 0.7, 0.7),
)
_SMALL = (
    Item(outdoors.tree, 0.7, 0.7),
    Item(outdoors.bush, 1.2, 1.2),
    Item(outdoors.rock, 1.0, 1.0),
    Item(outdoors.bench, 0.6, 1.9),
    Item(outdoors.hydrant, 0.4, 0.4),
    Item(outdoors.bicycle, 1.7, 0.5),
    Item(goods.pallet, 1.25, 0.85),
    Item(goods.cone, 0.45, 0.45),
    Item(goods.drum, 0.6, 0.6),
    Item(goods.barrier, 0.5, 1.9),
    Item(goods.bollard, 0.2, 0.2),
    Item(goods.low_thing, 0.5, 0.5),
)


def draw_ground(rng: np.random.Generator, label: str, material: int) -> Ground:
    """Hills that are nowhere steeper than a robot can drive."""
    count = int(rng.integers(3, 6))
    lengths, around = rng.uniform(5.0, 16.0, count), rng.uniform(0, 2 * math.pi, count)
    waves = (2 * math.pi / lengths)[:, None] * np.column_stack([np.cos(around), np.sin(around)])
    slopes = rng.dirichlet(np.ones(count)) * rng.uniform(0.03, _STEEPEST)
    amplitudes = slopes * lengths / (2 * math.pi)
    return Ground(amplitudes, waves, rng.uniform(0, 2 * math.pi, count), label, material)


def build(floor: Floor) -> None:
    """Fill the world."""
    make = floor.make
    x_min, y_min, x_max, y_max = floor.bounds
    _surround(make, floor.bounds)
    inner = x_min + 1.0, y_min + 1.0, x_max - 1.0, y_max - 1.0
    area = (x_max - x_min) * (y_max - y_min)
    _hedges(floor)
    floor.scatter(_LARGE, int(make.rng.integers(2, 5)), inner, 0.6)
    floor.scatter(_SMALL, round(make.uniform(0.07, 0.16) * area), inner, 0.4)


def _surround(make: Builder, bounds: Rectangle) -> None:
    """A fence of posts and rails, a fence of boards, or a wall of bricks, in pieces that follow the slope."""
    x_min, y_min, x_max, y_max = bounds
    kind, high = int(make.rng.integers(3)), make.uniform(0.9, 1.7)
    material = make.material(("wood", "wood", "stone")[kind])
    for side in range(4):
        along_x = side % 2 == 1
        length = x_max - x_min if along_x else y_max - y_min
        pieces = max(1, round(length / 1.2))
        for piece in range(pieces):
            where = (piece + 0.5) * length / pieces
            x, y = (
                (x_min, y_min + where),
                (x_min + where, y_min),
                (x_max, y_min + where),
                (x_min + where, y_max),
            )[side]
            part = make.thing("wall" if kind == 2 else "fence", x, y, side * math.pi / 2)
            wide = length / pieces
            if kind == 0:
                part.box((0, -wide / 2, 0), (0.09, 0.09, high), material)
                for rail in (0.25, 0.6, 0.95):
                    part.box((0, 0, rail * high - 0.06), (0.03, wide, 0.12), material)
            else:
                part.box((0, 0, 0), (0.04 if kind == 1 else 0.22, wide + 0.05, high), material)


def _hedges(floor: Floor) -> None:
    """A few straight hedges or low walls, in pieces, through which one has to find a way."""
    make = floor.make
    x_min, y_min, x_max, y_max = floor.bounds
    for _ in range(int(make.rng.integers(1, 4))):
        yaw, pieces = make.uniform(-math.pi, math.pi), int(make.rng.integers(3, 7))
        x, y = make.uniform(x_min + 2, x_max - 2), make.uniform(y_min + 2, y_max - 2)
        hedge, high = make.chance(0.6), make.uniform(0.5, 1.4)
        material = make.material("green" if hedge else "stone")

        def build_piece(
            make: Builder,
            x: float,
            y: float,
            yaw: float,
            hedge: bool = hedge,
            high: float = high,
            material: int = material,
        ) -> None:
            part = make.thing("plant" if hedge else "wall", x, y, yaw)
            part.box((0, 0, 0), (0.5 if hedge else 0.25, 0.85, high), material)
            if hedge:
                part.ellipsoid((0, 0, high - 0.2), (0.55, 0.95, 0.4), material)

        for piece in range(pieces):
            floor.put(
                Item(build_piece, 0.5, 0.8),
                x - 0.8 * piece * math.sin(yaw),
                y + 0.8 * piece * math.cos(yaw),
                yaw,
                0.0,
            )
