"""What stands where in a world: solids, the ground under them, and people who walk.

Metres and radians, REP 103: z is up, a yaw turns from x to y. This module knows no renderer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KINDS = ("rooms", "office", "warehouse", "yard")
SHAPES = ("box", "cylinder", "ellipsoid")


@dataclass(frozen=True)
class Solid:
    """One convex piece of a thing.

    Attributes:
        shape: one of SHAPES; a cylinder stands upright.
        centre: x, y, and z of its middle above the ground there.
        half: half its extent along its own x, y and z; of a cylinder, the first two are its radius.
        yaw: how it is turned.
        thing: place in `World.things` of what it is a piece of.
        material: place in `Look.materials`.
    """

    shape: str
    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    yaw: float
    thing: int
    material: int


@dataclass(frozen=True)
class Thing:
    """What solids are pieces of: a chair, a wall.

    Attributes:
        label: its name in the label space `robot.yaml`; empty if that has none, and then it is unlabelled.
    """

    label: str


@dataclass(frozen=True)
class Walker:
    """A person who walks along a closed path, and waits a while where a robot is in the way.

    Attributes:
        path: (N, 2) corners in metres; after the last comes the first.
        speed: metres a second.
        start: metres along the path at time 0.
        radius: of the body, metres.
        height: metres.
        colours: RGB in 0..1 of skin, shirt and trousers.
    """

    path: np.ndarray
    speed: float
    start: float
    radius: float
    height: float
    colours: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class Ground:
    """Hills: the sum of K waves, amplitude * sin(wave · (x, y) + phase). No waves: it is flat.

    Attributes:
        amplitudes: (K,) metres.
        waves: (K, 2) radians a metre along x and y.
        phases: (K,) radians.
        label: its name in the label space `robot.yaml`.
        material: place in `Look.materials`.
    """

    amplitudes: np.ndarray
    waves: np.ndarray
    phases: np.ndarray
    label: str
    material: int

    def height(self, points: np.ndarray) -> np.ndarray:
        """(...) metres at the points (..., 2)."""
        return (self.amplitudes * np.sin(points @ self.waves.T + self.phases)).sum(axis=-1)

    def gradient(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) rise along x and y at the points (..., 2)."""
        return (self.amplitudes * np.cos(points @ self.waves.T + self.phases)) @ self.waves


@dataclass(frozen=True)
class Material:
    """How a surface looks.

    Attributes:
        pattern: `plain`, `planks`, `tiles`, `bricks`, `speckle` or `stripes`.
        colours: two RGB colours in 0..1, of which the pattern is made.
        size: metres after which the pattern repeats.
        shine: 0 is matt, 1 a mirror of lamps. Depth cameras lose dark and shiny surfaces.
    """

    pattern: str
    colours: tuple[tuple[float, float, float], tuple[float, float, float]]
    size: float
    shine: float


@dataclass(frozen=True)
class Lamp:
    """A light.

    Attributes:
        position: x, y, z.
        direction: of a lamp that is as far away as the sun; None: it shines from `position` into all sides.
        colour: RGB in 0..1.
    """

    position: tuple[float, float, float]
    direction: tuple[float, float, float] | None
    colour: tuple[float, float, float]


@dataclass(frozen=True)
class Look:
    """Everything about a world that only the eye sees, and the camera that sees it.

    Attributes:
        materials: of solids and ground.
        lamps: at least one.
        ambient: light from everywhere, 0 to 1.
        sky: RGB in 0..1 above the walls.
        camera_height: metres above the ground.
        camera_pitch: radians; positive looks down.
        field_of_view: vertical, radians.
        exposure: factor on the picture's brightness.
        blur_seconds: shutter time, in which a moving camera blurs.
        noise: standard deviation of a pixel, 0 to 1.
    """

    materials: tuple[Material, ...]
    lamps: tuple[Lamp, ...]
    ambient: float
    sky: tuple[float, float, float]
    camera_height: float
    camera_pitch: float
    field_of_view: float
    exposure: float
    blur_seconds: float
    noise: float


@dataclass(frozen=True)
class World:
    """A world of one seed.

    Attributes:
        seed: that made it.
        kind: one of KINDS.
        bounds: x_min, y_min, x_max, y_max, metres; walls or a fence close it.
        things: what there is.
        solids: their pieces.
        ground: below them.
        walkers: people; without them, the world is still.
        start: x, y, yaw of the robot.
        goal: x, y, which the robot can reach from the start.
        look: of all of it.
    """

    seed: int
    kind: str
    bounds: tuple[float, float, float, float]
    things: tuple[Thing, ...]
    solids: tuple[Solid, ...]
    ground: Ground
    walkers: tuple[Walker, ...]
    start: tuple[float, float, float]
    goal: tuple[float, float]
    look: Look
