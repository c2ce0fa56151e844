"""Finds room for things, so that no two stand in one place and doors stay free."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vit_perception.sim.worlds.builder import Builder

# x_min, y_min, x_max, y_max.
Rectangle = tuple[float, float, float, float]
_CELL = 0.05
_TRIES = 12


@dataclass(frozen=True)
class Item:
    """Something to put somewhere.

    Attributes:
        build: puts it at x, y and yaw.
        depth, width: metres along its own x and y, at most.
    """

    build: Callable[[Builder, float, float, float], None]
    depth: float
    width: float


class Floor:
    """What of a world's floor is taken.

    Args:
        make: gets the things.
        bounds: of the world.
    """

    def __init__(self, make: Builder, bounds: Rectangle) -> None:
        self.make, self.bounds = make, bounds
        self._low = np.array(bounds[:2])
        columns, rows = np.ceil((np.array(bounds[2:]) - self._low) / _CELL).astype(int)
        self._taken = np.zeros((rows, columns), np.uint8)

    def take(self, x: float, y: float, depth: float, width: float, yaw: float = 0.0) -> None:
        """Let nothing stand in a rectangle around x and y."""
        self._taken |= self._drawn(x, y, depth, width, yaw)

    def put(self, item: Item, x: float, y: float, yaw: float, gap: float = 0.05) -> bool:
        """Put an item, unless something is nearer than `gap` metres, or the world ends there.

        Returns:
            Whether it stands there now.
        """
        half = math.hypot(item.depth, item.width) / 2
        low, high = self._low + 0.5 * min(half, 0.3), np.array(self.bounds[2:]) - 0.5 * min(half, 0.3)
        if not (low < (x, y)).all() or not (high > (x, y)).all():
            return False
        wide = self._drawn(x, y, item.depth + 2 * gap, item.width + 2 * gap, yaw)
        if (self._taken & wide).any():
            return False
        self.take(x, y, item.depth, item.width, yaw)
        item.build(self.make, x, y, yaw)
        return True

    def against_wall(self, item: Item, room: Rectangle, gap: float = 0.05) -> bool:
        """Put an item with its back to one of the room's walls."""
        x_min, y_min, x_max, y_max = room
        for _ in range(_TRIES):
            side = int(self.make.rng.integers(4))
            back, along = item.depth / 2 + 0.03, item.width / 2 + 0.05
            length = (y_max - y_min) if side % 2 == 0 else (x_max - x_min)
            if length < 2 * along:
                continue
            where = self.make.uniform(along, length - along)
            x, y = (
                (x_min + back, y_min + where),
                (x_min + where, y_min + back),
                (x_max - back, y_min + where),
                (x_min + where, y_max - back),
            )[side]
            if self.put(item, x, y, side * math.pi / 2, gap - 0.03):
                return True
        return False

    def anywhere(self, item: Item, room: Rectangle, gap: float = 0.3) -> bool:
        """Put an item somewhere in the room, turned in any way."""
        x_min, y_min, x_max, y_max = room
        for _ in range(_TRIES):
            x, y = self.make.uniform(x_min, x_max), self.make.uniform(y_min, y_max)
            yaw = self.make.uniform(-math.pi, math.pi)
            if self.put(item, x, y, yaw, gap):
                return True
        return False

    def scatter(self, items: Sequence[Item], count: int, room: Rectangle, gap: float = 0.3) -> None:
        """Put so many items, or as many as find a place."""
        for _ in range(count):
            self.anywhere(items[int(self.make.rng.integers(len(items)))], room, gap)

    def _drawn(self, x: float, y: float, depth: float, width: float, yaw: float) -> np.ndarray:
        cosine, sine = math.cos(yaw), math.sin(yaw)
        corners = np.array([(1, 1), (1, -1), (-1, -1), (-1, 1)]) * (depth / 2, width / 2)
        points = corners @ np.array([[cosine, sine], [-sine, cosine]]) + (x, y)
        mask = np.zeros_like(self._taken)
        cv2.fillConvexPoly(mask, np.round((points - self._low) / _CELL - 0.5).astype(np.int32), 1)
        return mask
