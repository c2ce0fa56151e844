"""A flat: rooms and sometimes a corridor, each room furnished for a use."""

from __future__ import annotations

from vit_perception.sim.worlds import furniture, goods, sets
from vit_perception.sim.worlds.placing import Floor, Item, Rectangle
from vit_perception.sim.worlds.walls import Division, enclose

CHAIR = Item(furniture.chair, 0.6, 0.6)
CABINET = Item(furniture.cabinet, 0.65, 1.4)
SHELF = Item(furniture.shelf, 0.4, 1.3)
PLANT = Item(furniture.plant, 0.5, 0.5)
LAMP = Item(furniture.floor_lamp, 0.4, 0.4)
CARTON = Item(goods.carton, 0.65, 0.75)
LOW_THING = Item(goods.low_thing, 0.5, 0.5)
WASTE_BIN = Item(goods.waste_bin, 0.5, 0.5)
TABLE = Item(furniture.table, 1.0, 1.75)
DINING_SET = Item(sets.dining_set, 2.3, 1.8)
DESK = Item(sets.work_place, 0.8, 1.75)
_COUCH = Item(furniture.couch, 1.0, 2.15)
_BED = Item(furniture.bed, 2.2, 1.7)
_COUNTER = Item(furniture.counter, 0.65, 2.25)
_FRIDGE = Item(furniture.fridge, 0.75, 0.65)
_STOOL = Item(furniture.stool, 0.4, 0.4)
_LADDER = Item(goods.ladder, 1.0, 0.7)
_RUG = Item(furniture.rug, 1.8, 2.4)

# For each use: what stands at the walls, what in the middle.
_USES: tuple[tuple[tuple[Item, ...], tuple[Item, ...]], ...] = (
    ((_COUCH, SHELF, CABINET, PLANT, LAMP, _COUCH), (TABLE, CHAIR, LOW_THING)),
    ((_COUNTER, _FRIDGE, _COUNTER, CABINET, WASTE_BIN), (DINING_SET, _STOOL)),
    ((_BED, CABINET, SHELF, LAMP, CHAIR), (LOW_THING, CHAIR)),
    ((DESK, SHELF, CABINET, PLANT, WASTE_BIN), (CHAIR, LOW_THING)),
    ((SHELF, CARTON, CABINET, CARTON, SHELF), (CARTON, LOW_THING, _LADDER)),
    ((CABINET, PLANT, SHELF), (DINING_SET, DINING_SET, CHAIR)),
)


def build(floor: Floor) -> None:
    """Fill the world."""
    make = floor.make
    height = make.uniform(2.4, 2.9)
    enclose(make, floor.bounds, height, 0.3)
    division = Division(make, floor.bounds, make.uniform(2.8, 3.4), make.chance(0.4))
    division.build(floor, height)
    for room in division.rooms:
        furnish(floor, room, _USES[int(make.rng.integers(len(_USES)))])
    furnish_corridors(floor, division, (PLANT, CABINET, LOW_THING), 0.4)


def furnish_corridors(floor: Floor, division: Division, items: tuple[Item, ...], chance: float) -> None:
    """Put each of the items at a wall of each corridor, with this chance."""
    for corridor in division.corridors:
        for item in items:
            if floor.make.chance(chance):
                floor.against_wall(item, inside(corridor))


def furnish(floor: Floor, room: Rectangle, use: tuple[tuple[Item, ...], tuple[Item, ...]]) -> None:
    """Put things of a use at the walls and in the middle of a room, more into a larger one."""
    make, room = floor.make, inside(room)
    area = (room[2] - room[0]) * (room[3] - room[1])
    if make.chance(0.4):
        middle = (room[0] + room[2]) / 2, (room[1] + room[3]) / 2
        furniture.rug(make, *middle, make.uniform(-0.2, 0.2))
    walls, free = use
    for place in range(round(make.uniform(0.18, 0.36) * area)):
        floor.against_wall(walls[place % len(walls)], room)
    for place in range(round(make.uniform(0.06, 0.2) * area)):
        floor.anywhere(free[place % len(free)], room, 0.2)


def inside(room: Rectangle) -> Rectangle:
    """A room without its walls."""
    return room[0] + 0.1, room[1] + 0.1, room[2] - 0.1, room[3] - 0.1
