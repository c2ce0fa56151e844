"""What stands about in halls and yards: cartons, pallets, racks, cones, and things one may overlook."""

from __future__ import annotations

from vit_perception.sim.worlds.builder import Builder, Part


def carton(make: Builder, x: float, y: float, yaw: float) -> None:
    """One to three boxes of cardboard on each other."""
    size, high = make.uniform(0.25, 0.6), 0.0
    for _ in range(int(make.rng.integers(1, 4))):
        part = make.thing("paper", x + make.uniform(-0.03, 0.03), y, yaw + make.uniform(-0.2, 0.2))
        tall = make.uniform(0.6, 1.0) * size
        part.box((0, 0, high), (size, make.uniform(0.8, 1.2) * size, tall), make.material("paper"))
        part.box((0, 0, high + tall), (0.06, 0.8 * size, 0.004), make.material("wood"))
        high, size = high + tall, size * make.uniform(0.7, 1.0)


def pallet(make: Builder, x: float, y: float, yaw: float) -> None:
    """Three runners and boards across; empty, piled up, or with cartons."""
    wood = make.material("wood")
    levels = int(make.rng.choice((1, 1, 1, 3, 5)))
    for level in range(levels):
        part = make.thing("", x, y, yaw)
        base = 0.144 * level
        for across in (-0.35, 0, 0.35):
            part.box((0, across, base), (1.2, 0.1, 0.1), wood)
        for board in range(5):
            part.box((-0.53 + board * 0.265, 0, base + 0.1), (0.14, 0.8, 0.022), wood)
    if levels == 1 and make.chance(0.7):
        _load(make, make.thing("", x, y, yaw), 0.125, 1.1, 0.75, make.uniform(0.3, 1.1))


def rack(make: Builder, x: float, y: float, yaw: float) -> None:
    """Two bays on thin uprights. Under the lowest beams the robot may fit, if nothing stands there."""
    width, depth = 2.4, 0.9
    part = make.thing("shelf", x, y, yaw)
    frame, beam = make.material("metal"), make.material("signal")
    levels = int(make.rng.integers(2, 4))
    first = make.uniform(0.55, 0.8) if make.chance(0.6) else 0.12
    gap = make.uniform(0.8, 1.1)
    top = first + (levels - 1) * gap + 0.7
    for across in (-width / 2, 0, width / 2):
        for side in (-1, 1):
            part.box((side * depth / 2, across, 0), (0.08, 0.08, top), frame)
        part.box((0, across, 0.5 * top), (depth, 0.04, 0.06), frame)
    for level in range(levels):
        high = first + level * gap
        for side in (-1, 1):
            part.box((side * depth / 2, 0, high), (0.05, width, 0.1), beam)
        part.box((0, 0, high + 0.08), (depth, width, 0.02), make.material("wood"))
        for bay in (-0.25, 0.25):
            if make.chance(0.75):
                load = make.thing("", *part.place(0.0, bay * width), yaw)
                _load(make, load, high + 0.1, 0.8, 0.45 * width, make.uniform(0.4, 0.9) * (gap - 0.2))
    for bay in (-0.25, 0.25):
        if first > 0.5 and make.chance(0.4):
            load = make.thing("", *part.place(0.0, bay * width), yaw)
            _load(make, load, 0.0, 0.8, 0.45 * width, first - 0.1)


def _load(make: Builder, part: Part, base: float, depth: float, width: float, high: float) -> None:
    """Cartons side by side, a wrapped block, or drums."""
    kind = make.rng.random()
    if kind < 0.4:
        part.box((0, 0, base), (depth, width, high), make.material("paper"))
        part.box((0, 0, base + 0.3 * high), (depth + 0.01, width + 0.01, 0.05), make.material("white"))
    elif kind < 0.8:
        for side in (-1, 1):
            tall = make.uniform(0.6, 1.0) * high
            at = (make.uniform(-0.05, 0.05), side * width / 4, base)
            part.box(at, (0.9 * depth, 0.46 * width, tall), make.material("paper"))
    else:
        radius = min(depth, width) / 4
        for side in (-1, 1):
            part.cylinder((0, side * width / 4, base), radius, min(high, 0.9), make.material("plastic"))


def drum(make: Builder, x: float, y: float, yaw: float) -> None:
    part = make.thing("", x, y, yaw)
    body, high = make.material("plastic"), make.uniform(0.7, 0.95)
    part.cylinder((0, 0, 0), 0.28, high, body)
    for at in (0.3, 0.63):
        part.cylinder((0, 0, at * high), 0.29, 0.03, body)


def cone(make: Builder, x: float, y: float, yaw: float) -> None:
    part = make.thing("", x, y, yaw)
    bright, white, high = make.material("signal"), make.material("white"), make.uniform(0.3, 0.75)
    part.box((0, 0, 0), (0.6 * high, 0.6 * high, 0.03), bright)
    steps = 6
    for step in range(steps):
        radius = 0.24 * high * (1 - 0.85 * step / (steps - 1))
        at = (0, 0, 0.03 + step * high / steps)
        part.cylinder(at, radius, high / steps, white if step in (2, 4) else bright)


def bollard(make: Builder, x: float, y: float, yaw: float) -> None:
    part = make.thing("", x, y, yaw)
    high = make.uniform(0.4, 1.0)
    part.cylinder((0, 0, 0), make.uniform(0.05, 0.1), high, make.material("signal"))


def pillar(make: Builder, x: float, y: float, yaw: float) -> None:
    part = make.thing("wall", x, y, yaw)
    side = make.uniform(0.25, 0.5)
    part.box((0, 0, 0), (side, side, 3.0), make.material("stone"))
    part.box((0, 0, 0), (side + 0.02, side + 0.02, 0.8), make.material("signal"))


def low_thing(make: Builder, x: float, y: float, yaw: float) -> None:
    """On the floor, and easily overlooked: a beam, a toolbox, a ball, a bag, a bottle, a suitcase."""
    kind = int(make.rng.integers(6))
    if kind == 0:
        part = make.thing("", x, y, yaw)
        part.box((0, 0, 0), (0.08, make.uniform(0.5, 1.4), make.uniform(0.05, 0.1)), make.material("wood"))
    elif kind == 1:
        part = make.thing("", x, y, yaw)
        part.box((0, 0, 0), (0.22, 0.42, 0.2), make.material("plastic"))
        part.box((0, 0, 0.2), (0.03, 0.2, 0.06), make.material("dark"))
    elif kind == 2:
        size = make.uniform(0.14, 0.24)
        make.thing("sports ball", x, y, yaw).ellipsoid(
            (0, 0, 0), (size, size, size), make.material("plastic")
        )
    elif kind == 3:
        part = make.thing("backpack", x, y, yaw)
        part.ellipsoid((0, 0, 0), (0.28, 0.34, 0.46), make.material("fabric"))
        part.box((0.12, 0, 0.05), (0.1, 0.24, 0.18), make.material("fabric"))
    elif kind == 4:
        part = make.thing("bottle", x, y, yaw)
        glass = make.material("green")
        part.cylinder((0, 0, 0), 0.04, 0.2, glass)
        part.cylinder((0, 0, 0.2), 0.015, 0.08, glass)
    else:
        part = make.thing("suitcase", x, y, yaw)
        part.box((0, 0, 0.04), (0.24, 0.42, make.uniform(0.5, 0.65)), make.material("plastic"))
        part.box((0.08, 0, 0.6), (0.03, 0.2, 0.3), make.material("dark"))


def waste_bin(make: Builder, x: float, y: float, yaw: float) -> None:
    """For waste."""
    high = make.uniform(0.3, 0.7)
    role = str(make.rng.choice(("plastic", "dark", "metal")))
    make.thing("", x, y, yaw).cylinder((0, 0, 0), 0.35 * high, high, make.material(role))


def barrier(make: Builder, x: float, y: float, yaw: float) -> None:
    """A bar on two feet. Some bars are so high that the robot fits below, some are not."""
    part = make.thing("", x, y, yaw)
    high, width = float(make.rng.choice((0.35, 0.62, 0.8))), make.uniform(1.2, 1.8)
    foot = make.material("dark")
    for side in (-1, 1):
        part.box((0, side * width / 2, 0), (0.5, 0.05, 0.05), foot)
        part.box((0, side * width / 2, 0.05), (0.05, 0.05, high + 0.1), foot)
    part.box((0, 0, high), (0.03, width, 0.16), make.material("signal"))


def ladder(make: Builder, x: float, y: float, yaw: float) -> None:
    """A step ladder that stands open, seen as thin bars."""
    part = make.thing("", x, y, yaw)
    metal, high = make.material("metal"), make.uniform(1.0, 1.8)
    steps = int(high / 0.28)
    for step in range(steps):
        share = step / steps
        for side in (-1, 1):
            # A leaning bar, of upright pieces.
            for end in (-1, 1):
                at = (end * 0.4 * (1 - share), side * (0.28 - 0.08 * share), share * high)
                part.box(at, (0.05, 0.03, high / steps), metal)
        part.box((0.4 * (1 - share), 0, share * high + 0.2), (0.08, 0.5 - 0.16 * share, 0.03), metal)


def trolley(make: Builder, x: float, y: float, yaw: float) -> None:
    """A platform on four wheels with a handle."""
    part = make.thing("", x, y, yaw)
    dark, metal = make.material("dark"), make.material("metal")
    for along in (-0.32, 0.32):
        for side in (-0.2, 0.2):
            part.ellipsoid((along, side, 0), (0.12, 0.05, 0.12), dark)
    part.box((0, 0, 0.12), (0.85, 0.55, 0.05), make.material("wood"))
    for side in (-0.24, 0.24):
        part.box((-0.4, side, 0.17), (0.03, 0.03, 0.75), metal)
    part.box((-0.4, 0, 0.9), (0.03, 0.51, 0.03), metal)
    if make.chance(0.6):
        load = make.thing("paper", x, y, yaw)
        load.box((0.05, 0, 0.17), (0.5, 0.42, make.uniform(0.2, 0.5)), make.material("paper"))
