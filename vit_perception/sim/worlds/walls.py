"""Divides a rectangle into rooms, and builds the walls between them, with doors, windows and a ceiling."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from vit_perception.sim.worlds.builder import Builder
from vit_perception.sim.worlds.placing import Floor, Rectangle

# Metres: how high doors are, and how far walls of rooms stay away from a door in the wall they meet.
_DOOR, _ASIDE = 2.0, 0.8
_TRIES = 20


@dataclass
class _Wall:
    """A wall along y at x = `at`, or along x at y = `at`, from `low` to `high`, with doors."""

    along_y: bool
    at: float
    low: float
    high: float
    doors: list[tuple[float, float]] = field(default_factory=list)


class Division:
    """Rooms in a rectangle, all connected.

    Args:
        make: draws.
        bounds: of the whole.
        least: metres that a room is wide, at least.
        corridor: whether the first division is a corridor.

    Attributes:
        rooms: rectangles.
        corridors: rectangles.
    """

    def __init__(self, make: Builder, bounds: Rectangle, least: float, corridor: bool) -> None:
        self._make, self._least = make, least
        self.rooms: list[Rectangle] = []
        self.corridors: list[Rectangle] = []
        self._walls: list[_Wall] = []
        if corridor:
            self._split_by_corridor(bounds)
        else:
            self._split(bounds)

    def build(self, floor: Floor, height: float) -> None:
        """Put walls and doors, and keep the ways through the doors free."""
        for wall in self._walls:
            _build_wall(self._make, floor, wall, height)

    def _split_by_corridor(self, bounds: Rectangle) -> None:
        x_min, y_min, x_max, y_max = bounds
        along_y = y_max - y_min > x_max - x_min
        low, high = (x_min, x_max) if along_y else (y_min, y_max)
        wide = self._make.uniform(1.3, 2.0)
        # In the middle where the rooms beside it cannot both be as wide as they should.
        spare = max(high - low - wide - 2 * self._least, 0.0) / 2
        at = (low + high - wide) / 2 + self._make.uniform(-spare, spare)
        parts = _cut(bounds, along_y, at)[0], _cut(bounds, along_y, at + wide)[1]
        self.corridors.append(_cut(_cut(bounds, along_y, at + wide)[0], along_y, at)[1])
        walls = []
        for place in (at, at + wide):
            ends = (y_min, y_max) if along_y else (x_min, x_max)
            walls.append(_Wall(along_y, place, *ends))
        self._walls += walls
        for wall, part in zip(walls, parts, strict=True):
            before = len(self.rooms)
            self._split(part)
            for room in self.rooms[before:]:
                touching = room[0], room[2]
                if not along_y:
                    touching = room[1], room[3]
                if wall.at in touching:
                    ends = (room[1], room[3]) if along_y else (room[0], room[2])
                    self._add_door(wall, *ends)

    def _split(self, room: Rectangle) -> None:
        x_min, y_min, x_max, y_max = room
        along_y = (x_max - x_min) * self._make.uniform(0.8, 1.25) > y_max - y_min
        low, high = (x_min, x_max) if along_y else (y_min, y_max)
        across = (y_min, y_max) if along_y else (x_min, x_max)
        small = high - low < 2 * self._least
        if small or (high - low < 3 * self._least and self._make.chance(0.25)):
            self.rooms.append(room)
            return
        for _ in range(_TRIES):
            at = self._make.uniform(low + self._least, high - self._least)
            if not self._meets_door(along_y, at, across):
                break
        else:
            self.rooms.append(room)
            return
        wall = _Wall(along_y, at, *across)
        self._add_door(wall, *across)
        self._walls.append(wall)
        for part in _cut(room, along_y, at):
            self._split(part)

    def _add_door(self, wall: _Wall, low: float, high: float) -> None:
        wide = self._make.uniform(0.8, 1.2)
        start = self._make.uniform(low + 0.25, high - wide - 0.25)
        wall.doors.append((start, start + wide))

    def _meets_door(self, along_y: bool, at: float, ends: tuple[float, float]) -> bool:
        """Whether a new wall would end in or beside a door."""
        return any(
            door[0] - _ASIDE < at < door[1] + _ASIDE
            for wall in self._walls
            if wall.along_y is not along_y and wall.at in ends
            for door in wall.doors
        )


def enclose(make: Builder, bounds: Rectangle, height: float, windows: float) -> None:
    """Four outer walls, with windows in some places, and a ceiling.

    Args:
        make: gets them.
        bounds: the inner sides of the walls.
        height: of the ceiling.
        windows: share of the places that have one.
    """
    x_min, y_min, x_max, y_max = bounds
    thick, material, trim = 0.2, make.material("wall"), make.material("trim")
    middle = ((x_min + x_max) / 2, (y_min + y_max) / 2)
    for side in range(4):
        along_x = side % 2 == 1
        length = (x_max - x_min if along_x else y_max - y_min) + 2 * thick
        out = -1 if side < 2 else 1
        x = middle[0] if along_x else middle[0] + out * ((x_max - x_min + thick) / 2)
        y = middle[1] + out * ((y_max - y_min + thick) / 2) if along_x else middle[1]
        # Its own x points inwards.
        wall = make.thing("wall", x, y, side * math.pi / 2)
        wall.box((0, 0, 0), (thick, length, height), material)
        wall.box((thick / 2 + 0.005, 0, 0), (0.015, length, 0.09), trim)
        places = int(length // 2.2)
        for place in range(places):
            if make.chance(windows):
                wide, low = make.uniform(0.9, 1.5), make.uniform(0.5, 1.0)
                across = (place + 0.5) * length / places - length / 2
                window = make.thing("window", *wall.place(thick / 2, across), wall.yaw)
                window.box((0.01, 0, low), (0.03, wide, 1.1), trim)
                for half in (-0.25, 0.25):
                    window.box(
                        (0.02, half * wide, low + 0.06), (0.03, 0.44 * wide, 0.98), make.material("glass")
                    )
    ceiling = make.thing("ceiling", *middle)
    ceiling.box((0, 0, height), (x_max - x_min, y_max - y_min, 0.1), make.material("ceiling"))


def _cut(room: Rectangle, along_y: bool, at: float) -> tuple[Rectangle, Rectangle]:
    x_min, y_min, x_max, y_max = room
    if along_y:
        return (x_min, y_min, at, y_max), (at, y_min, x_max, y_max)
    return (x_min, y_min, x_max, at), (x_min, at, x_max, y_max)


def _build_wall(make: Builder, floor: Floor, wall: _Wall, height: float) -> None:
    thick, material, trim = make.uniform(0.08, 0.16), make.material("wall"), make.material("trim")
    yaw = math.pi / 2 if wall.along_y else 0.0
    x, y = (wall.at, wall.low) if wall.along_y else (wall.low, wall.at)
    part = make.thing("wall", x, y, yaw)
    start = 0.0
    doors = [(low - wall.low, high - wall.low) for low, high in sorted(wall.doors)]
    for low, high in [*doors, (wall.high - wall.low, math.inf)]:
        if low > start:
            middle = ((start + low) / 2, 0)
            part.box((*middle, 0), (low - start, thick, height), material)
            part.box((*middle, 0), (low - start, thick + 0.03, 0.09), trim)
            floor.take(*part.place(*middle), low - start, thick, yaw)
        if high < math.inf:
            part.box(((low + high) / 2, 0, _DOOR), (high - low, thick, height - _DOOR), material)
            _build_door(make, floor, (*part.place(low, 0), yaw), high - low, thick)
        start = max(start, high)


def _build_door(
    make: Builder, floor: Floor, at: tuple[float, float, float], wide: float, thick: float
) -> None:
    """A frame, and a leaf that stands open to one side; some doorways have no leaf."""
    x, y, yaw = at
    frame = make.thing("door", x, y, yaw)
    trim = make.material("trim")
    for along in (0.02, wide - 0.02):
        frame.box((along, 0, 0), (0.04, thick + 0.05, _DOOR), trim)
    floor.take(*frame.place(wide / 2, 0), wide, 1.5, yaw)
    if make.chance(0.3):
        return
    hinge_right, side = make.chance(0.5), 1 if make.chance(0.5) else -1
    opened = make.uniform(1.2, 1.75)
    turn = math.pi - opened if hinge_right else opened
    leaf = make.thing(
        "door", *frame.place(wide - 0.05 if hinge_right else 0.05, side * thick / 2), yaw + side * turn
    )
    wood = make.material("door")
    leaf.box((wide / 2 - 0.04, 0, 0.01), (wide - 0.08, 0.04, _DOOR - 0.02), wood)
    leaf.box((wide - 0.14, 0, 1.0), (0.1, 0.14, 0.03), make.material("metal"))
    floor.take(*leaf.place(wide / 2, 0), wide, 0.1, leaf.yaw)
