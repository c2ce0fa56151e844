"""An office: a corridor with rooms at both sides, some of them open plans with screens between desks."""

from __future__ import annotations

import math

from vit_perception.sim.worlds import sets
from vit_perception.sim.worlds.builder import Builder
from vit_perception.sim.worlds.placing import Floor, Item, Rectangle
from vit_perception.sim.worlds.rooms import (
    CABINET,
    CARTON,
    CHAIR,
    DESK,
    DINING_SET,
    LOW_THING,
    PLANT,
    SHELF,
    WASTE_BIN,
    furnish,
    furnish_corridors,
    inside,
)
from vit_perception.sim.worlds.walls import Division, enclose

_MEETING = Item(sets.meeting_table, 2.7, 2.8)
_USES: tuple[tuple[tuple[Item, ...], tuple[Item, ...]], ...] = (
    ((DESK, CABINET, SHELF, PLANT), (DESK, WASTE_BIN, CHAIR)),
    ((CABINET, PLANT), (_MEETING, CHAIR)),
    ((CABINET, CARTON, SHELF, SHELF), (CARTON, LOW_THING)),
    ((CABINET, PLANT, CHAIR), (DINING_SET, WASTE_BIN)),
)


def build(floor: Floor) -> None:
    """Fill the world."""
    make = floor.make
    height = make.uniform(2.5, 3.1)
    enclose(make, floor.bounds, height, 0.5)
    division = Division(make, floor.bounds, make.uniform(3.2, 4.4), make.chance(0.8))
    division.build(floor, height)
    for room in division.rooms:
        if (room[2] - room[0]) * (room[3] - room[1]) > 22 and make.chance(0.7):
            _open_plan(floor, inside(room))
        else:
            furnish(floor, room, _USES[int(make.rng.integers(len(_USES)))])
    furnish_corridors(floor, division, (PLANT, CABINET, CARTON, WASTE_BIN, CHAIR), 0.35)


def _open_plan(floor: Floor, room: Rectangle) -> None:
    """Desks in rows, two and two with a screen between, and what stands around them."""
    make = floor.make
    row_gap, place_gap = make.uniform(3.2, 3.9), make.uniform(1.85, 2.1)
    desk, screen = Item(sets.work_place, 0.8, 1.7), Item(_screen, 0.08, 1.6)
    turned = make.chance(0.5)
    width, depth = room[2] - room[0], room[3] - room[1]
    if turned:
        width, depth = depth, width
    x = make.uniform(1.4, 2.0)
    while x < width - 1.2:
        y = make.uniform(1.2, 1.6)
        while y < depth - 1.0:
            for side in (-1, 1):
                at, yaw = (x + side * 0.48, y), (0.0 if side > 0 else math.pi)
                if make.chance(0.85):
                    floor.put(desk, *_turned(room, at, yaw, turned), gap=0.0)
            if make.chance(0.6):
                floor.put(screen, *_turned(room, (x, y), 0.0, turned), gap=0.0)
            y += place_gap
        x += row_gap
    for item in (CABINET, SHELF, PLANT, WASTE_BIN, CABINET, PLANT):
        if make.chance(0.6):
            floor.against_wall(item, room)


def _turned(room: Rectangle, at: tuple[float, float], yaw: float, turned: bool) -> tuple[float, float, float]:
    """A place in the room from its corner, with x and y exchanged where the rows run the other way."""
    if turned:
        return room[0] + at[1], room[1] + at[0], math.pi / 2 - yaw
    return room[0] + at[0], room[1] + at[1], yaw


def _screen(make: Builder, x: float, y: float, yaw: float) -> None:
    """Between two desks; on feet, so that a gap stays below."""
    part = make.thing("", x, y, yaw)
    high, gap = make.uniform(1.1, 1.5), make.uniform(0.05, 0.2)
    for across in (-0.7, 0.7):
        part.box((0, across, 0), (0.4, 0.04, 0.03), make.material("metal"))
        part.box((0, across, 0.03), (0.04, 0.04, gap), make.material("metal"))
    part.box((0, 0, gap), (0.05, 1.6, high - gap), make.material("fabric"))
