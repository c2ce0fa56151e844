"""Furniture, from the floor up. Each function puts one piece at a place; its front looks along its own x."""

from __future__ import annotations

import math

from vit_perception.sim.worlds.builder import Builder


def chair(make: Builder, x: float, y: float, yaw: float) -> None:
    """On four thin legs, or on a star of castors around one column."""
    seat = make.uniform(0.42, 0.5)
    width, high = make.uniform(0.4, 0.52), make.uniform(0.38, 0.55)
    part = make.thing("chair", x, y, yaw)
    if make.chance(0.4):
        frame, cover = make.material("dark"), make.material("fabric")
        for arm in range(5):
            angle = 2 * math.pi * arm / 5
            reach = 0.15
            at = (reach * math.cos(angle), reach * math.sin(angle), 0.05)
            part.box(at, (0.3, 0.04, 0.04), frame, angle)
            part.ellipsoid((2 * at[0], 2 * at[1], 0.0), (0.06, 0.06, 0.06), frame)
        part.cylinder((0, 0, 0.05), 0.03, seat - 0.05, frame)
        part.box((0, 0, seat), (width, width, 0.07), cover)
        part.box((-width / 2, 0, seat + 0.12), (0.06, 0.9 * width, high), cover)
        return
    frame = make.material(str(make.rng.choice(("wood", "metal", "dark"))))
    cover = frame if make.chance(0.5) else make.material("fabric")
    thick = make.uniform(0.022, 0.045)
    part.legs(width, width, seat, thick, frame)
    part.box((0, 0, seat), (width, width, make.uniform(0.025, 0.06)), cover)
    for side in (-1, 1):
        part.box((-(width - thick) / 2, side * (width - thick) / 2, seat), (thick, thick, high), frame)
    part.box((-(width - thick) / 2, 0, seat + 0.45 * high), (thick, width, 0.55 * high), cover)


def stool(make: Builder, x: float, y: float, yaw: float) -> None:
    high = make.uniform(0.42, 0.75)
    part = make.thing("chair", x, y, yaw)
    part.legs(0.3, 0.3, high, 0.03, make.material("metal"))
    part.cylinder((0, 0, high), 0.18, 0.05, make.material("wood"))


def table(make: Builder, x: float, y: float, yaw: float, label: str = "dining table") -> None:
    """To drive under, unless it is a low one."""
    low = make.chance(0.25)
    width, depth = make.uniform(0.7, 0.95), make.uniform(0.9, 1.7)
    high = make.uniform(0.32, 0.45) if low else make.uniform(0.68, 0.76)
    part = make.thing(label, x, y, yaw)
    wood = make.material("wood")
    leg = make.material("metal") if make.chance(0.4) else wood
    if make.chance(0.2) and not low:
        part.cylinder((0, 0, 0), make.uniform(0.2, 0.3), 0.04, leg)
        part.cylinder((0, 0, 0.04), 0.05, high - 0.04, leg)
        part.cylinder((0, 0, high), width / 2, 0.04, wood)
    else:
        part.legs(width - 0.1, depth - 0.1, high, make.uniform(0.035, 0.08), leg)
        part.box((0, 0, high), (width, depth, make.uniform(0.025, 0.05)), wood)
    _clutter(make, x, y, high + 0.05)


def desk(make: Builder, x: float, y: float, yaw: float) -> None:
    """With a screen, and drawers below one side."""
    width, depth, high = make.uniform(0.65, 0.8), make.uniform(1.2, 1.7), make.uniform(0.7, 0.76)
    part = make.thing("table", x, y, yaw)
    top, frame = make.material("wood"), make.material("metal")
    part.legs(width - 0.06, depth - 0.06, high, 0.045, frame)
    part.box((0, 0, high), (width, depth, 0.03), top)
    if make.chance(0.6):
        side = float(make.rng.choice((-1, 1)))
        drawers = make.thing("cabinet", *part.place(-0.05, side * (depth / 2 - 0.3)), yaw)
        drawers.box((0, 0, 0.03), (0.5, 0.4, 0.52), make.material("metal"))
    for offset in (-0.3, 0.3)[: 1 + make.chance(0.3)]:
        screen = make.thing("tv", *part.place(-0.15, offset), yaw)
        dark = make.material("dark")
        screen.box((0, 0, high + 0.03), (0.18, 0.22, 0.02), dark)
        screen.box((-0.03, 0, high + 0.05), (0.03, 0.05, 0.15), dark)
        screen.box((0, 0, high + 0.15), (0.03, make.uniform(0.45, 0.6), 0.33), dark)
    keyboard = make.thing("keyboard", *part.place(0.15, 0.05), yaw)
    keyboard.box((0, 0, high + 0.03), (0.14, 0.42, 0.02), make.material("dark"))


def shelf(make: Builder, x: float, y: float, yaw: float) -> None:
    """Open boards with books and boxes."""
    depth, width, high = make.uniform(0.28, 0.4), make.uniform(0.7, 1.3), make.uniform(1.1, 2.1)
    part = make.thing("shelf", x, y, yaw)
    wood = make.material("wood")
    for side in (-1, 1):
        part.box((0, side * width / 2, 0), (depth, 0.025, high), wood)
    part.box((-depth / 2, 0, 0.05), (0.015, width, high - 0.05), wood)
    boards = int(make.rng.integers(3, 6))
    gap = (high - 0.08) / boards
    for board in range(boards + 1):
        part.box((0, 0, 0.05 + board * gap), (depth, width, 0.025), wood)
        if board < boards and make.chance(0.8):
            filled = make.uniform(0.3, 0.9) * width
            at = part.place(0.0, (width - filled) / 2 - 0.03)
            books = make.thing("book" if make.chance(0.7) else "paper", *at, yaw)
            count = 3
            for place in range(count):
                tall = make.uniform(0.5, 0.9) * (gap - 0.03)
                across = (place - (count - 1) / 2) * filled / count
                books.box(
                    (0, across, 0.075 + board * gap),
                    (0.7 * depth, filled / count - 0.01, tall),
                    make.material("plastic" if make.chance(0.5) else "paper"),
                )


def cabinet(make: Builder, x: float, y: float, yaw: float) -> None:
    """Closed, on a plinth or on short legs, with doors and handles."""
    depth, width = make.uniform(0.35, 0.6), make.uniform(0.5, 1.4)
    high = make.uniform(0.7, 2.0)
    part = make.thing("cabinet", x, y, yaw)
    body = make.material(str(make.rng.choice(("wood", "white", "metal"))))
    legs = make.uniform(0.05, 0.14)
    part.legs(depth - 0.04, width - 0.04, legs, 0.04, make.material("dark"))
    part.box((0, 0, legs), (depth, width, high - legs), body)
    front, doors = make.material("door"), max(1, round(width / 0.5))
    for door in range(doors):
        across = (door + 0.5) * width / doors - width / 2
        part.box((depth / 2, across, legs + 0.02), (0.02, width / doors - 0.02, high - legs - 0.04), front)
        knob = across + (0.4 if door % 2 == 0 else -0.4) * width / doors
        part.box((depth / 2 + 0.02, knob, 0.5 * high), (0.02, 0.02, 0.12), make.material("metal"))


def couch(make: Builder, x: float, y: float, yaw: float) -> None:
    """On feet too short to pass below."""
    depth, width, seat = make.uniform(0.75, 0.95), make.uniform(0.85, 2.1), make.uniform(0.36, 0.45)
    part = make.thing("couch", x, y, yaw)
    cover = make.material("fabric")
    part.legs(depth - 0.1, width - 0.1, 0.1, 0.06, make.material("wood"))
    part.box((0, 0, 0.1), (depth, width, seat - 0.2), cover)
    seats = max(1, round(width / 0.7))
    for place in range(seats):
        across = (place + 0.5) * (width - 0.3) / seats - (width - 0.3) / 2
        part.box((0.08, across, seat - 0.1), (depth - 0.2, (width - 0.3) / seats - 0.02, 0.14), cover)
    part.box((-depth / 2 + 0.1, 0, seat - 0.1), (0.2, width, 0.5), cover)
    for side in (-1, 1):
        part.box((0, side * (width / 2 - 0.09), 0.1), (depth, 0.18, seat + 0.12), cover)


def bed(make: Builder, x: float, y: float, yaw: float) -> None:
    width = make.uniform(0.9, 1.6)
    part = make.thing("bed", x, y, yaw)
    wood, sheet = make.material("wood"), make.material("fabric")
    part.legs(2.0, width, 0.2, 0.07, wood)
    part.box((0, 0, 0.2), (2.05, width, 0.12), wood)
    part.box((0, 0, 0.32), (2.0, width - 0.04, 0.18), make.material("white"))
    part.box((0.25, 0, 0.42), (1.5, width + 0.02, 0.11), sheet)
    part.box((-1.05, 0, 0), (0.06, width, make.uniform(0.7, 1.1)), wood)
    pillow = make.thing("textile", *part.place(-0.75, 0), yaw)
    pillow.ellipsoid((0, 0, 0.47), (0.4, 0.7 * width, 0.16), make.material("white"))


def plant(make: Builder, x: float, y: float, yaw: float) -> None:
    """Leaves, bushy or as a crown on a stem, out of a pot."""
    radius, pot = make.uniform(0.12, 0.22), make.uniform(0.2, 0.45)
    part = make.thing("potted plant", x, y, yaw)
    part.cylinder((0, 0, 0), radius, pot, make.material("plastic"))
    stem = make.uniform(0.0, 0.5)
    part.cylinder((0, 0, pot), 0.025, stem + 0.1, make.material("wood"))
    leaves = make.material("green")
    for _ in range(int(make.rng.integers(3, 6))):
        angle, out = make.uniform(0, 2 * math.pi), make.uniform(0, 0.6) * radius
        size = (make.uniform(0.25, 0.5), make.uniform(0.2, 0.4), make.uniform(0.3, 0.6))
        part.ellipsoid((out * math.cos(angle), out * math.sin(angle), pot + stem), size, leaves)


def floor_lamp(make: Builder, x: float, y: float, yaw: float) -> None:
    part = make.thing("lamp", x, y, yaw)
    metal, high = make.material("metal"), make.uniform(1.3, 1.7)
    part.cylinder((0, 0, 0), 0.14, 0.025, metal)
    part.cylinder((0, 0, 0.025), 0.015, high, metal)
    part.cylinder((0, 0, high), make.uniform(0.13, 0.2), 0.25, make.material("white"))


def counter(make: Builder, x: float, y: float, yaw: float) -> None:
    """Of a kitchen, with a sink or a microwave on it."""
    width = make.uniform(1.2, 2.2)
    part = make.thing("counter", x, y, yaw)
    part.box((-0.03, 0, 0), (0.5, width, 0.1), make.material("dark"))
    part.box((0, 0, 0.1), (0.6, width, 0.76), make.material("white" if make.chance(0.5) else "wood"))
    part.box((0, 0, 0.86), (0.63, width + 0.02, 0.04), make.material("stone"))
    if make.chance(0.6):
        oven = make.thing("microwave", *part.place(-0.05, make.uniform(-0.3, 0.3)), yaw)
        oven.box((0, 0, 0.9), (0.36, 0.5, 0.28), make.material("metal"))
        oven.box((0.18, -0.05, 0.93), (0.02, 0.34, 0.22), make.material("dark"))


def fridge(make: Builder, x: float, y: float, yaw: float) -> None:
    high = make.uniform(1.2, 1.85)
    part = make.thing("refrigerator", x, y, yaw)
    body = make.material("white" if make.chance(0.6) else "metal")
    part.box((0, 0, 0.03), (0.6, 0.6, high), body)
    for bottom, top in ((0.05, 0.6 * high), (0.62 * high, high)):
        part.box((0.31, 0, bottom), (0.03, 0.59, top - bottom), body)
        part.box((0.34, 0.22, bottom + 0.1), (0.03, 0.02, 0.5 * (top - bottom)), make.material("metal"))


def rug(make: Builder, x: float, y: float, yaw: float) -> None:
    """So thin that the robot drives over it."""
    part = make.thing("rug", x, y, yaw)
    width, depth = make.uniform(1.0, 1.8), make.uniform(1.4, 2.4)
    part.box((0, 0, 0), (width, depth, 0.008), make.material("fabric"))
    part.box((0, 0, 0.008), (0.8 * width, 0.85 * depth, 0.003), make.material("fabric"))


def _clutter(make: Builder, x: float, y: float, high: float) -> None:
    """Something on a table."""
    for label, role, size in (
        ("vase", "plastic", (0.12, 0.12, 0.25)),
        ("bowl", "white", (0.25, 0.25, 0.09)),
        ("bottle", "green", (0.08, 0.08, 0.28)),
    ):
        if make.chance(0.35):
            part = make.thing(label, x + make.uniform(-0.2, 0.2), y + make.uniform(-0.2, 0.2))
            part.cylinder((0, 0, high - 0.01), size[0] / 2, size[2], make.material(role))
