"""A warehouse: racks in rows with aisles between them, pallets, drums, and what was left in the way."""

from __future__ import annotations

import math

from vit_perception.sim.worlds import goods
from vit_perception.sim.worlds.placing import Floor, Item
from vit_perception.sim.worlds.walls import enclose

_RACK = Item(goods.rack, 1.0, 2.5)
_STANDING = (
    Item(goods.pallet, 1.25, 0.85),
    Item(goods.pallet, 1.25, 0.85),
    Item(goods.carton, 0.65, 0.75),
    Item(goods.drum, 0.6, 0.6),
    Item(goods.cone, 0.45, 0.45),
    Item(goods.trolley, 0.9, 0.6),
    Item(goods.barrier, 0.5, 1.9),
    Item(goods.ladder, 1.0, 0.7),
    Item(goods.low_thing, 0.5, 0.5),
    Item(goods.bollard, 0.2, 0.2),
)


def build(floor: Floor) -> None:
    """Fill the world."""
    make = floor.make
    x_min, y_min, x_max, y_max = floor.bounds
    enclose(make, floor.bounds, make.uniform(3.6, 4.8), 0.15)
    aisle, along_x = make.uniform(1.6, 2.6), make.chance(0.5)
    width, depth = (y_max - y_min, x_max - x_min) if along_x else (x_max - x_min, y_max - y_min)
    crossing = make.uniform(0.3, 0.7) * depth
    side = make.uniform(0.6, 1.8)
    while side < width - 0.6:
        double = make.chance(0.4)
        along = make.uniform(1.8, 2.6)
        while along < depth - 2.2:
            if abs(along + 1.25 - crossing) > 2.0 and make.chance(0.88):
                for row in (0.0, 1.05)[: 1 + double]:
                    at = (side + row, along + 1.25)
                    x, y = (at[1], at[0]) if along_x else at
                    turn = (math.pi / 2 if along_x else 0.0) + (math.pi if make.chance(0.5) else 0.0)
                    floor.put(_RACK, x_min + x, y_min + y, turn, 0.0)
            along += 2.48
        side += aisle + 1.0 + 1.05 * double
    inner = x_min + 0.6, y_min + 0.6, x_max - 0.6, y_max - 0.6
    for _ in range(int(make.rng.integers(0, 4))):
        floor.anywhere(Item(goods.pillar, 0.55, 0.55), inner, 0.5)
    floor.scatter(_STANDING, round(make.uniform(0.05, 0.12) * width * depth), inner, 0.35)
