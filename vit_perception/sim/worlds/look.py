"""How a world looks: materials by what they are for, lamps, and the camera that sees it."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vit_perception.sim.world import Lamp, Look, Material

_RGB = tuple[float, float, float]
# Metres to the sun; below the lowest ceiling; and radians by which light in rooms falls aslant, at most.
_FAR, _BELOW_CEILING, _MOST_TILT = 40.0, 2.3, 0.06


@dataclass(frozen=True)
class _Role:
    """What materials for one purpose are drawn from.

    Attributes:
        count: how many of them a world has.
        patterns: one is chosen.
        hue, saturation, value: ranges of the first colour, each 0 to 1; a hue may go beyond 1.
        contrast: by how much the value of the second colour differs, at most.
        size: range in metres.
        shine: range.
    """

    count: int
    patterns: tuple[str, ...]
    hue: tuple[float, float]
    saturation: tuple[float, float]
    value: tuple[float, float]
    contrast: float = 0.12
    size: tuple[float, float] = (0.5, 1.0)
    shine: tuple[float, float] = (0.0, 0.2)


_ANY, _WARM, _GREEN = (0.0, 1.0), (0.05, 0.13), (0.2, 0.36)
_COMMON = {
    "wall": _Role(2, ("plain", "plain", "speckle", "bricks", "stripes"), _ANY, (0, 0.3), (0.45, 0.95), 0.06),
    "trim": _Role(1, ("plain",), _WARM, (0, 0.5), (0.25, 0.95), 0.02),
    "ceiling": _Role(1, ("plain", "tiles"), _WARM, (0, 0.05), (0.75, 1), 0.06, (0.6, 1.2)),
    "door": _Role(2, ("plain", "planks"), _WARM, (0, 0.7), (0.3, 0.95), 0.1),
    "wood": _Role(3, ("planks",), _WARM, (0.3, 0.7), (0.3, 0.85), 0.12, (0.5, 1.2), (0, 0.4)),
    "metal": _Role(2, ("plain", "speckle"), (0.5, 0.7), (0, 0.12), (0.35, 0.85), 0.05, shine=(0.5, 1)),
    "dark": _Role(2, ("plain", "speckle"), _ANY, (0, 0.2), (0.02, 0.12), 0.03, shine=(0, 0.5)),
    "fabric": _Role(
        3, ("plain", "speckle", "stripes", "tiles"), _ANY, (0.1, 0.8), (0.15, 0.9), 0.2, (0.1, 0.4)
    ),
    "plastic": _Role(4, ("plain",), _ANY, (0.3, 1), (0.3, 1), 0.04, shine=(0.1, 0.7)),
    "white": _Role(1, ("plain",), _ANY, (0, 0.06), (0.85, 1), 0.03, shine=(0, 0.6)),
    "paper": _Role(2, ("plain", "speckle", "stripes"), (0.07, 0.11), (0.25, 0.5), (0.5, 0.8), 0.08),
    "green": _Role(2, ("speckle",), _GREEN, (0.4, 0.9), (0.2, 0.6), 0.3, (0.2, 0.5)),
    "signal": _Role(2, ("plain", "stripes"), (0.0, 0.16), (0.85, 1), (0.8, 1), 0.8, (0.25, 0.5)),
    "glass": _Role(1, ("plain",), (0.5, 0.62), (0.05, 0.3), (0.5, 0.95), 0.03, shine=(0.9, 1)),
    "stone": _Role(2, ("speckle",), (0.05, 0.15), (0, 0.2), (0.3, 0.7), 0.2, (0.4, 1)),
}
_FLOORS = {
    "rooms": _Role(
        1,
        ("planks", "planks", "tiles", "speckle"),
        _WARM,
        (0.1, 0.6),
        (0.3, 0.85),
        0.15,
        (0.6, 1.6),
        (0, 0.6),
    ),
    "office": _Role(
        1, ("speckle", "speckle", "tiles", "planks"), _ANY, (0, 0.35), (0.25, 0.7), 0.15, (0.5, 1.2), (0, 0.3)
    ),
    "warehouse": _Role(
        1, ("speckle", "plain", "tiles"), (0.05, 0.6), (0, 0.12), (0.35, 0.75), 0.1, (1, 3), (0, 0.6)
    ),
    "yard": _Role(1, ("speckle",), _GREEN, (0.3, 0.7), (0.25, 0.55), 0.3, (0.8, 2)),
    "earth": _Role(1, ("speckle",), (0.06, 0.11), (0.2, 0.5), (0.35, 0.65), 0.25, (0.8, 2)),
    "pavement": _Role(1, ("tiles", "bricks", "speckle"), _WARM, (0, 0.15), (0.4, 0.75), 0.15, (0.4, 1)),
}


@dataclass(frozen=True)
class Looks:
    """The look of a world, and which of its materials is for what.

    Attributes:
        look: with all materials.
        palette: places in `look.materials` by purpose, `floor` among them.
        ground: label of the ground.
    """

    look: Look
    palette: Mapping[str, tuple[int, ...]]
    ground: str


def draw_looks(rng: np.random.Generator, kind: str, bounds: tuple[float, float, float, float]) -> Looks:
    """Draw how a world of a kind looks, inside and outside."""
    ground = "floor"
    if kind == "yard":
        ground = str(rng.choice(("grass", "grass", "earth", "pavement")))
    floor = _FLOORS["yard" if ground == "grass" else ground if kind == "yard" else kind]
    materials: list[Material] = []
    palette = {}
    for role, spec in {**_COMMON, "floor": floor}.items():
        palette[role] = tuple(range(len(materials), len(materials) + spec.count))
        materials += [_material(rng, spec) for _ in range(spec.count)]
    outside = kind == "yard"
    lamps, ambient = _daylight(rng, bounds) if outside else _lamplight(rng, bounds)
    look = Look(
        materials=tuple(materials),
        lamps=lamps,
        ambient=ambient,
        sky=_colour(rng, (0.52, 0.64), (0.0, 0.6), (0.6, 1.0)) if outside else (0.0, 0.0, 0.0),
        camera_height=float(rng.uniform(0.22, 0.48)),
        camera_pitch=float(rng.uniform(math.radians(-4), math.radians(16))),
        field_of_view=float(rng.uniform(math.radians(42), math.radians(60))),
        exposure=float(np.exp(rng.normal(0.0, 0.2))),
        blur_seconds=float(rng.uniform(0.0, 0.03)),
        noise=float(rng.uniform(0.004, 0.025)),
    )
    return Looks(look, palette, ground)


def _daylight(
    rng: np.random.Generator, bounds: tuple[float, float, float, float]
) -> tuple[tuple[Lamp, ...], float]:
    """The sun, low or high, or behind clouds."""
    around, height = rng.uniform(0, 2 * math.pi), rng.uniform(0.5, 1.3)
    cloud = rng.uniform(0, 0.8)
    direction = (
        float(-math.cos(around) * math.cos(height)),
        float(-math.sin(around) * math.cos(height)),
        float(-math.sin(height)),
    )
    warm = float(rng.uniform(0.8, 1.0))
    strength = 1.0 - 0.6 * cloud
    colour = (strength, strength * (1 + warm) / 2, strength * warm)
    x, y = _middle(bounds)
    position = (x - _FAR * direction[0], y - _FAR * direction[1], -_FAR * direction[2])
    return (Lamp(position, direction, colour),), float(0.3 + 0.25 * cloud)


def _lamplight(
    rng: np.random.Generator, bounds: tuple[float, float, float, float]
) -> tuple[tuple[Lamp, ...], float]:
    """Light from many lamps at the ceiling, with shadows, and two or three lamps that are brighter."""
    tone = _colour(rng, (0.05, 0.14), (0.0, 0.25), (0.9, 1.0))
    around, tilt = rng.uniform(0, 2 * math.pi), rng.uniform(0.0, _MOST_TILT)
    direction = (
        float(math.cos(around) * math.sin(tilt)),
        float(math.sin(around) * math.sin(tilt)),
        float(-math.cos(tilt)),
    )
    x, y = _middle(bounds)
    # All of its plane is below the ceiling, which would else throw one great shadow.
    high = _BELOW_CEILING - math.tan(tilt) * math.hypot(x - bounds[0], y - bounds[1])
    lamps = [Lamp((x, y, high), direction, _scaled(tone, float(rng.uniform(0.3, 0.6))))]
    x_min, y_min, x_max, y_max = bounds
    for _ in range(int(rng.integers(2, 4))):
        position = (float(rng.uniform(x_min, x_max)), float(rng.uniform(y_min, y_max)), 2.3)
        lamps.append(Lamp(position, None, _scaled(tone, float(rng.uniform(0.4, 0.8)))))
    return tuple(lamps), float(rng.uniform(0.3, 0.5))


def _material(rng: np.random.Generator, role: _Role) -> Material:
    first = np.array(_colour(rng, role.hue, role.saturation, role.value))
    change = rng.uniform(0.3, 1.0) * role.contrast * (1 if first.max() < 0.5 or role.contrast > 0.5 else -1)
    second = first + change if role.contrast <= 0.5 else np.full(3, float(rng.choice((0.05, 0.95))))
    second = np.clip(second, 0, 1)
    return Material(
        pattern=str(rng.choice(role.patterns)),
        colours=(_rgb(first), _rgb(second)),
        size=float(rng.uniform(*role.size)),
        shine=float(rng.uniform(*role.shine)),
    )


def _colour(
    rng: np.random.Generator,
    hue: tuple[float, float],
    saturation: tuple[float, float],
    value: tuple[float, float],
) -> _RGB:
    return colorsys.hsv_to_rgb(
        float(rng.uniform(*hue)) % 1, float(rng.uniform(*saturation)), float(rng.uniform(*value))
    )


def _middle(bounds: tuple[float, float, float, float]) -> tuple[float, float]:
    return (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2


def _scaled(colour: _RGB, factor: float) -> _RGB:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def _rgb(values: np.ndarray) -> _RGB:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
