"""Puts a world together: things of several pieces, each where the maker of furniture says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from vit_perception.sim.world import Solid, Thing


@dataclass
class Builder:
    """Things and solids so far.

    Attributes:
        rng: that all is drawn from.
        palette: places in `Look.materials`, by what they are for: `wall`, `wood`, `metal`, …
    """

    rng: np.random.Generator
    palette: Mapping[str, tuple[int, ...]]
    things: list[Thing] = field(default_factory=list)
    solids: list[Solid] = field(default_factory=list)

    def material(self, role: str) -> int:
        """One of the materials for a purpose."""
        choices = self.palette[role]
        return choices[int(self.rng.integers(len(choices)))]

    def uniform(self, low: float, high: float) -> float:
        """A number between two."""
        return float(self.rng.uniform(low, high))

    def chance(self, share: float) -> bool:
        """Whether something is so, in this share of cases."""
        return bool(self.rng.random() < share)

    def thing(self, label: str, x: float, y: float, yaw: float = 0.0) -> Part:
        """Begin a thing of this label in the label space `robot.yaml`, empty for none, at a place."""
        self.things.append(Thing(label))
        return Part(self, len(self.things) - 1, x, y, yaw)


@dataclass(frozen=True)
class Part:
    """A thing that is being made, in coordinates of its own: x and y from its middle, z from the ground."""

    builder: Builder
    thing: int
    x: float
    y: float
    yaw: float

    def box(
        self,
        at: tuple[float, float, float],
        size: tuple[float, float, float],
        material: int,
        turn: float = 0.0,
    ) -> None:
        """A box whose bottom's middle is at `at`, with full side lengths `size`, turned by `turn`."""
        self._add("box", at, (size[0] / 2, size[1] / 2, size[2] / 2), material, turn)

    def cylinder(self, at: tuple[float, float, float], radius: float, height: float, material: int) -> None:
        """An upright cylinder whose bottom's middle is at `at`."""
        self._add("cylinder", at, (radius, radius, height / 2), material, 0.0)

    def ellipsoid(
        self, at: tuple[float, float, float], size: tuple[float, float, float], material: int
    ) -> None:
        """An ellipsoid whose lowest point is at `at`, with full diameters `size`."""
        self._add("ellipsoid", at, (size[0] / 2, size[1] / 2, size[2] / 2), material, 0.0)

    def legs(self, width: float, depth: float, height: float, thick: float, material: int) -> None:
        """Four legs, of which the outer corners are `width` and `depth` apart."""
        for x in (-1, 1):
            for y in (-1, 1):
                at = (x * (width - thick) / 2, y * (depth - thick) / 2, 0.0)
                self.box(at, (thick, thick, height), material)

    def _add(
        self,
        shape: str,
        at: tuple[float, float, float],
        half: tuple[float, float, float],
        material: int,
        turn: float,
    ) -> None:
        x, y = self.place(at[0], at[1])
        self.builder.solids.append(
            Solid(shape, (x, y, at[2] + half[2]), half, self.yaw + turn, self.thing, material)
        )

    def place(self, x: float, y: float) -> tuple[float, float]:
        """x and y in the world of a point of this thing."""
        cosine, sine = math.cos(self.yaw), math.sin(self.yaw)
        return self.x + cosine * x - sine * y, self.y + sine * x + cosine * y
