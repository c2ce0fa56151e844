"""A scene → the picture that its camera takes, where the floor is in it, and how far everything is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vit_and_cnn.geometry import Seen, look
from vit_and_cnn.scene import Material, Scene

_NOISE = 64  # cells a side of the table that clouds and speckles are looked up in


@dataclass(frozen=True)
class Rendered:
    """A picture and the truth about it.

    Attributes:
        rgb: (H, W, 3) uint8.
        floor: (H, W) bool, where a robot may drive.
        distance: (H, W) float32 metres to what is seen.
    """

    rgb: np.ndarray
    floor: np.ndarray
    distance: np.ndarray


def render(scene: Scene, size: tuple[int, int], rng: np.random.Generator) -> Rendered:
    """Take the picture.

    Args:
        scene: to take it of.
        size: height and width in pixels.
        rng: draws clouds, speckles and the sensor's noise.
    """
    seen = look(scene, size)
    light = _colours(scene, seen, size[1], rng) * _shading(scene, seen)[:, None]
    light += _mirrored(scene, seen)[:, None]
    light /= light.mean()
    grey = 255 * np.clip(light * scene.light.colour, 0, None) ** (1 / 1.6)
    picture = grey.reshape(*size, 3).astype(np.float32)
    if scene.light.blur > 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), scene.light.blur)
    picture += rng.normal(0, scene.light.noise, picture.shape)
    return Rendered(
        rgb=picture.clip(0, 255).astype(np.uint8),
        floor=(seen.surface < scene.drivable).reshape(size),
        distance=seen.distance.reshape(size).astype(np.float32),
    )


def _colours(scene: Scene, seen: Seen, width: int, rng: np.random.Generator) -> np.ndarray:
    """(N, 3) the colour of what each pixel sees, under white light."""
    table = _clouds(rng)
    # Metres that a pixel covers, seen squarely; a pattern finer than that is seen as its mean.
    covered = seen.distance / (width * scene.camera.focal)
    found = np.empty((len(covered), 3), np.float32)
    for surface, material in enumerate(scene.materials):
        pixels = np.flatnonzero(seen.surface == surface)
        if len(pixels):
            cells = seen.place[pixels] * material.cells
            contrast = np.exp(-((1.5 * covered[pixels] * material.cells) ** 2))
            share = 0.5 + contrast * (_pattern(material, cells, table) - 0.5)
            first, second = material.colours
            found[pixels] = first + share[:, None] * (second - first)
    return found


def _clouds(rng: np.random.Generator) -> np.ndarray:
    """(64, 64) 0 to 1: noise in four sizes that meets itself at the edges."""
    table: np.ndarray = np.zeros((_NOISE, _NOISE), np.float32)
    for cells in (4, 8, 16, 64):
        layer: np.ndarray = np.pad(rng.random((cells, cells), np.float32), 1, mode="wrap")
        step = _NOISE // cells
        layer = cv2.resize(layer, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)
        table += layer[step:-step, step:-step] / cells**0.5
    table -= table.min()
    return table / table.max()


def _pattern(material: Material, cells: np.ndarray, table: np.ndarray) -> np.ndarray:
    """(N,) share of the second colour at `cells` (N, 2), places in repetitions of the pattern."""
    whole = np.floor(cells).astype(np.int64)
    if material.pattern == "tiles":
        return np.asarray((whole.sum(axis=1) % 2).astype(np.float32))
    if material.pattern == "planks":  # each of its own shade, with a dark joint
        shade = table[whole[:, 0] % _NOISE, (whole[:, 0] // _NOISE) % _NOISE]
        return np.asarray(np.where(cells[:, 0] - whole[:, 0] < 0.06, 1.0, shade))
    scale = {"plain": 1, "cloud": 8, "speckle": 40}[material.pattern]
    at = np.floor(cells * scale).astype(np.int64) % _NOISE
    value = table[at[:, 0], at[:, 1]]
    return np.asarray((value > 0.6).astype(np.float32) if material.pattern == "speckle" else value)


def _shading(scene: Scene, seen: Seen) -> np.ndarray:
    """(N,) share of the light that falls on what each pixel sees, with the shadows of things on the floor."""
    light = scene.light
    direct = np.clip(seen.normal @ light.towards.astype(np.float32), 0, None)
    shade = light.ambient + (1 - light.ambient) * direct
    on_floor = np.flatnonzero(seen.surface < scene.drivable)
    place = seen.distance[on_floor, None] * seen.along[on_floor, :2]
    for thing in scene.things:
        off = place - (thing.centre[:2] - 0.4 * thing.radius * light.towards[:2]).astype(np.float32)
        shade[on_floor] *= 1 - 0.5 * np.exp(-(off**2).sum(axis=1) / (1.2 * thing.radius) ** 2)
    return np.asarray(shade)


def _mirrored(scene: Scene, seen: Seen) -> np.ndarray:
    """(N,) light of the lamp that a glossy floor mirrors."""
    mirrored = seen.along @ (scene.light.towards * (1, 1, -1)).astype(np.float32)
    floor = seen.surface < scene.drivable
    return np.asarray(scene.light.gloss * floor * np.clip(mirrored, 0, None) ** 24)
