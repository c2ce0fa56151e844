"""Tables with chairs, and desks with chairs, which belong together."""

from __future__ import annotations

from math import cos, sin

from vit_perception.sim.worlds import furniture
from vit_perception.sim.worlds.builder import Builder


def dining_set(make: Builder, x: float, y: float, yaw: float) -> None:
    """A table, and chairs at its long sides, some pulled out and turned."""
    furniture.table(make, x, y, yaw)
    _chairs(make, x, y, yaw, (-0.4, 0.4))


def meeting_table(make: Builder, x: float, y: float, yaw: float) -> None:
    """A long table with three chairs a side."""
    part = make.thing("table", x, y, yaw)
    part.box((0, 0, 0.72), (1.1, 2.6, 0.035), make.material("wood"))
    metal = make.material("metal")
    part.legs(0.9, 2.3, 0.72, 0.06, metal)
    part.box((0, 0, 0.6), (0.06, 2.2, 0.08), metal)
    _chairs(make, x, y, yaw, (-0.85, 0.0, 0.85))


def work_place(make: Builder, x: float, y: float, yaw: float) -> None:
    """A desk, and a chair before it."""
    furniture.desk(make, x, y, yaw)
    _chair(make, x, y, yaw, make.uniform(0.5, 0.85), make.uniform(-0.2, 0.2), 3.1)


def _chairs(make: Builder, x: float, y: float, yaw: float, places: tuple[float, ...]) -> None:
    for side, turn in ((-1, 0.0), (1, 3.1)):
        for across in places:
            if make.chance(0.85):
                _chair(make, x, y, yaw, side * make.uniform(0.5, 0.8), across, turn)


def _chair(make: Builder, x: float, y: float, yaw: float, along: float, across: float, turn: float) -> None:
    at = (x + cos(yaw) * along - sin(yaw) * across, y + sin(yaw) * along + cos(yaw) * across)
    furniture.chair(make, *at, yaw + turn + make.uniform(-0.4, 0.4))
