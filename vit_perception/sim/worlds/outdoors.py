"""What stands in a yard: trees, bushes, rocks, benches, cars, a shed."""

from __future__ import annotations

import math

from vit_perception.sim.worlds.builder import Builder


def tree(make: Builder, x: float, y: float, yaw: float) -> None:
    """A trunk with roots, and a crown of several balls of leaves or a stack of them, as a fir has."""
    part = make.thing("tree", x, y, yaw)
    bark, leaves = make.material("wood"), make.material("green")
    radius, trunk = make.uniform(0.08, 0.22), make.uniform(1.2, 2.4)
    part.cylinder((0, 0, 0), radius, trunk + 0.5, bark)
    part.ellipsoid((0, 0, 0), (4 * radius, 3.4 * radius, 0.25), bark)
    if make.chance(0.35):
        for level in range(4):
            wide = 2.0 - 0.45 * level
            part.ellipsoid((0, 0, 0.6 * trunk + 0.6 * level), (wide, wide, 1.0), leaves)
        return
    for _ in range(5):
        angle, out = make.uniform(0, 2 * math.pi), make.uniform(0.0, 0.8)
        size = (make.uniform(1.0, 1.8), make.uniform(1.0, 1.8), make.uniform(0.9, 1.5))
        at = (out * math.cos(angle), out * math.sin(angle), trunk + make.uniform(-0.2, 0.5))
        part.ellipsoid(at, size, leaves)


def bush(make: Builder, x: float, y: float, yaw: float) -> None:
    part = make.thing("plant", x, y, yaw)
    for _ in range(int(make.rng.integers(3, 6))):
        at = (make.uniform(-0.3, 0.3), make.uniform(-0.3, 0.3), -0.1)
        size = (make.uniform(0.4, 0.9), make.uniform(0.4, 0.9), make.uniform(0.4, 1.0))
        part.ellipsoid(at, size, make.material("green"))


def rock(make: Builder, x: float, y: float, yaw: float) -> None:
    part = make.thing("rock", x, y, yaw)
    for _ in range(int(make.rng.integers(1, 4))):
        wide = make.uniform(0.25, 0.8)
        at = (make.uniform(-0.2, 0.2), make.uniform(-0.2, 0.2), -0.08)
        part.ellipsoid(
            at, (wide, make.uniform(0.6, 1.0) * wide, make.uniform(0.4, 0.8) * wide), make.material("stone")
        )


def bench(make: Builder, x: float, y: float, yaw: float) -> None:
    part = make.thing("bench", x, y, yaw)
    wood, frame, width = make.material("wood"), make.material("dark"), make.uniform(1.2, 1.8)
    for side in (-1, 1):
        across = side * (width / 2 - 0.15)
        for along in (-0.18, 0.18):
            part.box((along, across, 0), (0.05, 0.05, 0.43), frame)
        part.box((-0.22, across, 0.43), (0.05, 0.05, 0.42), frame)
    for along in (-0.15, 0.0, 0.15):
        part.box((along, 0, 0.43), (0.12, width, 0.035), wood)
    for high in (0.58, 0.72):
        part.box((-0.19, 0, high), (0.03, width, 0.1), wood)


def picnic_table(make: Builder, x: float, y: float, yaw: float) -> None:
    part = make.thing("table", x, y, yaw)
    wood, width = make.material("wood"), make.uniform(1.5, 1.9)
    part.box((0, 0, 0.7), (0.75, width, 0.05), wood)
    for side in (-1, 1):
        part.box((side * 0.7, 0, 0.42), (0.26, width, 0.05), wood)
        part.box((0, side * 0.6, 0.36), (1.5, 0.08, 0.07), wood)
        for end in (-1, 1):
            part.box((end * 0.35, side * 0.6, 0), (0.1, 0.08, 0.7), wood)


def car(make: Builder, x: float, y: float, yaw: float) -> None:
    part = make.thing("car", x, y, yaw)
    paint, glass, dark = make.material("plastic"), make.material("glass"), make.material("dark")
    part.box((0, 0, 0.28), (4.0, 1.7, 0.5), paint)
    part.box((-0.2, 0, 0.78), (2.2, 1.5, 0.5), glass)
    part.box((-0.2, 0, 1.28), (2.0, 1.45, 0.06), paint)
    for along in (-1.25, 1.25):
        for side in (-1, 1):
            part.ellipsoid((along, side * 0.78, 0), (0.64, 0.24, 0.64), dark)
    for side in (-1, 1):
        part.box((2.0, side * 0.6, 0.52), (0.04, 0.3, 0.14), make.material("white"))
        part.box((-2.0, side * 0.6, 0.52), (0.04, 0.3, 0.14), make.material("signal"))


def shed(make: Builder, x: float, y: float, yaw: float) -> None:
    """A hut with a door and a roof that hangs over."""
    part = make.thing("building", x, y, yaw)
    depth, width, high = make.uniform(1.6, 2.4), make.uniform(1.8, 3.0), make.uniform(1.9, 2.3)
    part.box((0, 0, 0), (depth, width, high), make.material("wood"))
    part.box((0, 0, high), (depth + 0.5, width + 0.4, 0.1), make.material("dark"))
    door = make.thing("door", *part.place(depth / 2, make.uniform(-0.3, 0.3)), yaw)
    door.box((0, 0, 0.05), (0.06, 0.8, 1.8), make.material("door"))


def hydrant(make: Builder, x: float, y: float, yaw: float) -> None:
    part = make.thing("fire hydrant", x, y, yaw)
    red = make.material("signal")
    part.cylinder((0, 0, 0), 0.15, 0.05, red)
    part.cylinder((0, 0, 0.05), 0.1, 0.5, red)
    part.ellipsoid((0, 0, 0.48), (0.22, 0.22, 0.2), red)
    part.box((0, 0, 0.35), (0.1, 0.34, 0.1), red)


def bicycle(make: Builder, x: float, y: float, yaw: float) -> None:
    """Of thin bars, on two wheels."""
    part = make.thing("bicycle", x, y, yaw)
    dark, paint = make.material("dark"), make.material("plastic")
    for along in (-0.5, 0.5):
        part.ellipsoid((along, 0, 0), (0.66, 0.05, 0.66), dark)
    part.box((0, 0, 0.55), (0.62, 0.035, 0.035), paint)
    part.box((-0.2, 0, 0.3), (0.035, 0.035, 0.55), paint)
    part.box((0.4, 0, 0.32), (0.035, 0.035, 0.65), paint)
    part.box((-0.25, 0, 0.3), (0.5, 0.03, 0.03), paint)
    part.box((-0.2, 0, 0.85), (0.22, 0.12, 0.05), dark)
    part.box((0.4, 0, 0.95), (0.04, 0.5, 0.03), dark)
