"""Rooms drawn at random: where the camera and its light are, what stands in its way, what all is made of.

Lengths are in metres. x is ahead, y is left, z is up (REP 103); the origin is on the floor, below the camera.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

PATTERNS = ("plain", "tiles", "planks", "cloud", "speckle")
# Patterns, and ranges of hue in degrees, saturation and value. Floors and walls are of few kinds, as in
# buildings; things and rugs are of any, so that some look like the floor.
_KINDS: dict[str, tuple[tuple[str, ...], tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "floor": (("planks", "tiles", "cloud", "speckle"), (10, 50), (0.0, 0.55), (0.2, 0.75)),
    "wall": (("plain", "plain", "cloud", "planks"), (0, 360), (0.0, 0.25), (0.5, 0.95)),
    "thing": (PATTERNS, (0, 360), (0.0, 0.8), (0.1, 0.95)),
}
_CEILING = 2.6
# A table's legs are easily missed, and as much in the way as a wall.
_LEG = (0.012, 0.03)


@dataclass(frozen=True)
class Material:
    """What a surface looks like.

    Attributes:
        pattern: one of `PATTERNS`.
        colours: (2, 3) RGB, 0 to 1, of light falling on it squarely.
        cells: repetitions of the pattern in a metre.
    """

    pattern: str
    colours: np.ndarray
    cells: float


@dataclass(frozen=True)
class Box:
    """A box on the floor or above it: furniture, a step, a table's top.

    Attributes:
        centre: (3,) of the box.
        half: (3,) half its sides, before it is turned.
        yaw: turn about z in radians.
        material: of its sides.
    """

    centre: np.ndarray
    half: np.ndarray
    yaw: float
    material: Material

    @property
    def radius(self) -> float:
        """Of the circle around it, seen from above."""
        return float(np.linalg.norm(self.half[:2]))


@dataclass(frozen=True)
class Cylinder:
    """An upright cylinder that stands on the floor: a bin, a lamp, a leg.

    Attributes:
        centre: (2,) x and y of its axis.
        radius: of it.
        height: of it.
        material: of its side and top.
    """

    centre: np.ndarray
    radius: float
    height: float
    material: Material


@dataclass(frozen=True)
class Camera:
    """A camera that looks ahead.

    Attributes:
        height: above the floor.
        pitch: downwards, in radians.
        roll: about the line of sight, in radians.
        focal: focal length as a share of the picture's width.
    """

    height: float
    pitch: float
    roll: float
    focal: float


@dataclass(frozen=True)
class Light:
    """Light and sensor.

    Attributes:
        towards: (3,) unit vector to the lamp.
        ambient: share of the light that comes from everywhere, 0 to 1.
        colour: (3,) gain of red, green and blue, after exposure for the mean of the picture.
        gloss: how much of the lamp the floor mirrors.
        blur: standard deviation of the lens's blur in pixels.
        noise: standard deviation of the sensor's noise in grey levels.
    """

    towards: np.ndarray
    ambient: float
    colour: np.ndarray
    gloss: float
    blur: float
    noise: float


@dataclass(frozen=True)
class Scene:
    """All that is in a picture.

    Attributes:
        camera: that takes it.
        light: that falls on it.
        low: (3,) lowest corner of the room around the camera, before it is turned; z is the floor's.
        high: (3,) its highest corner.
        yaw: turn of the room about z in radians.
        floor: material of the floor.
        walls: of the walls.
        ceiling: of the ceiling.
        rugs: flat on the floor: they look like obstacles, and a robot may drive on them. z is left out.
        boxes: in the way.
        cylinders: in the way.
    """

    camera: Camera
    light: Light
    low: np.ndarray
    high: np.ndarray
    yaw: float
    floor: Material
    walls: Material
    ceiling: Material
    rugs: tuple[Box, ...]
    boxes: tuple[Box, ...]
    cylinders: tuple[Cylinder, ...]

    @property
    def drivable(self) -> int:
        """Surfaces on which a robot may drive, which come first: the floor and its rugs."""
        return 1 + len(self.rugs)

    @property
    def things(self) -> tuple[Box | Cylinder, ...]:
        """All that stands in the way."""
        return (*self.boxes, *self.cylinders)

    @property
    def materials(self) -> tuple[Material, ...]:
        """Of each surface: floor, rugs, ceiling, walls, boxes, cylinders."""
        rugs, things = ([each.material for each in group] for group in (self.rugs, self.things))
        return (self.floor, *rugs, self.ceiling, self.walls, *things)


def draw_scene(rng: np.random.Generator) -> Scene:
    """A room, empty to cluttered, as the camera of a small robot sees it."""
    camera = Camera(
        height=rng.uniform(0.25, 0.4),
        pitch=np.radians(rng.uniform(7, 15)),
        roll=np.radians(rng.normal(0, 1.5)),
        focal=rng.uniform(0.6, 0.7),
    )
    boxes: list[Box] = []
    cylinders: list[Cylinder] = []
    # Things crowd on one side, so that often another is free.
    side, spread = rng.uniform(-40, 40), rng.uniform(5, 40)
    for _ in range(rng.poisson(rng.uniform(0, 6))):
        _add_thing(rng, boxes, cylinders, _place(rng, (1.0, 6.0), camera.height, side, spread))
    sides = [_log_uniform(rng, 0.5, 6.0) for _ in range(4)]
    return Scene(
        camera=camera,
        light=_light(rng),
        low=np.array([-sides[0], -sides[1], 0.0]),
        high=np.array([sides[2], sides[3], _CEILING]),
        yaw=rng.uniform(0, 2 * np.pi),
        floor=_material(rng, "floor"),
        walls=_material(rng, "wall"),
        ceiling=_material(rng, "wall"),
        rugs=tuple(_rug(rng, camera.height) for _ in range(rng.poisson(0.7))),
        boxes=tuple(boxes),
        cylinders=tuple(cylinders),
    )


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _place(
    rng: np.random.Generator, reach: tuple[float, float], height: float, side: float, spread: float
) -> np.ndarray:
    """x and y of a place `reach` camera heights away, `side` ± `spread` degrees to the left of ahead."""
    # How far is near depends on how high the camera is.
    distance, bearing = _log_uniform(rng, *reach) * height, np.radians(rng.normal(side, spread))
    return distance * np.array([np.cos(bearing), np.sin(bearing)])


def _material(rng: np.random.Generator, kind: str) -> Material:
    patterns, *ranges = _KINDS[kind]
    hsv = np.array([[rng.uniform(*each) for each in ranges]] * 2)
    # The second colour is a near relative: a pattern seldom has the contrast of a chessboard.
    hsv[1] += rng.normal(0, (15, 0.1, 0.18))
    hsv = np.clip(hsv, (0, 0, 0.05), (360, 1, 1)).astype(np.float32)
    colours = cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0]
    return Material(patterns[rng.integers(len(patterns))], colours, _log_uniform(rng, 1.5, 14))


def _light(rng: np.random.Generator) -> Light:
    towards = np.append(rng.normal(0, 1, 2), rng.uniform(0.4, 2.0))
    return Light(
        towards=towards / np.linalg.norm(towards),
        ambient=rng.uniform(0.25, 0.8),
        colour=_log_uniform(rng, 0.12, 0.4) * np.exp(rng.normal(0, 0.08, 3)),
        gloss=max(0.0, rng.normal(0, 0.35)),
        blur=abs(rng.normal(0, 0.6)),
        noise=_log_uniform(rng, 1, 9),
    )


def _add_thing(rng: np.random.Generator, boxes: list[Box], cylinders: list[Cylinder], at: np.ndarray) -> None:
    """One thing, or the parts of one."""
    kind = rng.choice(["box", "low", "cylinder", "table"], p=[0.4, 0.15, 0.25, 0.2])
    material, yaw = _material(rng, "thing"), rng.uniform(0, np.pi)
    if kind == "cylinder":
        cylinders.append(Cylinder(at, _log_uniform(rng, 0.03, 0.25), _log_uniform(rng, 0.1, 1.2), material))
    elif kind == "table":
        half, height = rng.uniform(0.2, 0.6, 2), rng.uniform(0.4, 0.8)
        thick = rng.uniform(0.01, 0.04)
        boxes.append(Box(np.append(at, height + thick), np.append(half, thick), yaw, material))
        legs = np.array([(1, 1), (1, -1), (-1, 1), (-1, -1)]) * (half - 0.04)
        radius = rng.uniform(*_LEG)
        cylinders += [Cylinder(at + leg, radius, height, material) for leg in legs @ turned(yaw).T]
    else:
        half = np.array([_log_uniform(rng, 0.04, 0.5) for _ in range(3)])
        if kind == "low":
            half[2] = rng.uniform(0.01, 0.04)
        boxes.append(Box(np.append(at, half[2]), half, yaw, material))


def _rug(rng: np.random.Generator, height: float) -> Box:
    at = _place(rng, (0.8, 8.0), height, 0, 30)
    half = np.append(np.exp(rng.uniform(np.log(0.05), np.log(0.8), 2)), 0.0)
    return Box(np.append(at, 0.0), half, rng.uniform(0, np.pi), _material(rng, "thing"))


def turned(yaw: float) -> np.ndarray:
    """(2, 2): turns x and y by `yaw`."""
    return np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
