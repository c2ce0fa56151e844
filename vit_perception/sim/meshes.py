"""Solids and ground as triangles, with the normals and texture coordinates that a renderer wants."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from vit_perception.sim.world import Ground, Solid

# Light is computed at vertices, so that large faces need some in the middle: metres between them.
_SPACING = 0.8
_AROUND = 12
# On hills, what stands on the ground reaches so far below it, in metres.
_ROOTS = 0.4


@dataclass(frozen=True)
class Mesh:
    """V vertices and F triangles.

    Attributes:
        vertices, normals: (V, 3).
        coordinates: (V, 2) metres along the surface.
        faces: (F, 3) int, counter-clockwise seen from outside.
    """

    vertices: np.ndarray
    normals: np.ndarray
    coordinates: np.ndarray
    faces: np.ndarray


def joined(meshes: Iterable[Mesh]) -> Mesh:
    """Several meshes as one."""
    parts = list(meshes)
    firsts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    return Mesh(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.coordinates for part in parts]),
        np.concatenate([part.faces + first for part, first in zip(parts, firsts, strict=False)]),
    )


def mesh_of(solid: Solid, ground: Ground) -> Mesh:
    """The surface of a solid in the world."""
    half = np.array(solid.half)
    x, y, z = solid.centre
    if len(ground.amplitudes) and z - half[2] < 0.01:
        half[2] += _ROOTS / 2
        z -= _ROOTS / 2
    mesh = _MAKERS[solid.shape](half)
    cosine, sine = math.cos(solid.yaw), math.sin(solid.yaw)
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    centre = np.array([x, y, z + float(ground.height(np.array([x, y])))])
    return Mesh(mesh.vertices @ turn.T + centre, mesh.normals @ turn.T, mesh.coordinates, mesh.faces)


def ground_mesh(ground: Ground, bounds: tuple[float, float, float, float], margin: float) -> Mesh:
    """The ground inside the bounds, and `margin` metres around them."""
    x_min, y_min, x_max, y_max = bounds
    low, high = np.array([x_min, y_min]) - margin, np.array([x_max, y_max]) + margin
    spacing = 0.5 if len(ground.amplitudes) else _SPACING
    points, faces = _grid(high - low, spacing)
    points += (low + high) / 2
    slopes = ground.gradient(points)
    normals = np.column_stack([-slopes, np.ones(len(points))])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return Mesh(np.column_stack([points, ground.height(points)]), normals, points, faces)


def _grid(size: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """(V, 2) points of a rectangle around the origin, and its triangles."""
    columns, rows = (max(1, math.ceil(length / spacing)) for length in size)
    xs = np.linspace(-size[0] / 2, size[0] / 2, columns + 1)
    ys = np.linspace(-size[1] / 2, size[1] / 2, rows + 1)
    points = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    return points, _quads(rows, columns)


def _quads(rows: int, columns: int) -> np.ndarray:
    corner = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    right, above, across = corner + 1, corner + columns + 1, corner + columns + 2
    return np.concatenate(
        [np.column_stack([corner, right, across]), np.column_stack([corner, across, above])]
    )


def _box(half: np.ndarray) -> Mesh:
    sides = []
    # Outwards is the third axis of each face. Textures stand upright on walls.
    for first, second, out in (
        ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        ((-1, 0, 0), (0, 1, 0), (0, 0, -1)),
        ((0, 1, 0), (0, 0, 1), (1, 0, 0)),
        ((0, -1, 0), (0, 0, 1), (-1, 0, 0)),
        ((-1, 0, 0), (0, 0, 1), (0, 1, 0)),
        ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    ):
        axes = np.array([first, second, out], float)
        extent = np.abs(axes @ half)
        points, faces = _grid(2 * extent[:2], _SPACING)
        vertices = points @ axes[:2] + extent[2] * axes[2]
        sides.append(Mesh(vertices, np.tile(axes[2], (len(points), 1)), points + extent[:2], faces))
    return joined(sides)


def _cylinder(half: np.ndarray) -> Mesh:
    angles = np.linspace(0, 2 * math.pi, _AROUND + 1)
    ring = np.column_stack([np.cos(angles), np.sin(angles)])
    rows = max(1, math.ceil(2 * half[2] / _SPACING))
    heights = np.linspace(-half[2], half[2], rows + 1)
    wall = np.column_stack([np.tile(ring * half[:2], (rows + 1, 1)), np.repeat(heights, _AROUND + 1)])
    normals = np.column_stack([np.tile(ring, (rows + 1, 1)), np.zeros(len(wall))])
    along = np.column_stack([np.tile(angles * half[0], rows + 1), np.repeat(heights + half[2], _AROUND + 1)])
    parts = [Mesh(wall, normals, along, _quads(rows, _AROUND))]
    fan = np.column_stack([np.zeros(_AROUND, int), np.arange(1, _AROUND + 1), np.arange(2, _AROUND + 2)])
    flat = np.vstack([np.zeros(2), ring * half[:2]])
    for side in (1, -1):
        cap = np.column_stack([flat, np.full(len(flat), side * half[2])])
        up = np.tile([0.0, 0.0, side], (len(flat), 1))
        parts.append(Mesh(cap, up, flat, fan[:, ::side]))
    return joined(parts)


def _ellipsoid(half: np.ndarray) -> Mesh:
    around, rows = np.linspace(0, 2 * math.pi, _AROUND + 1), _AROUND // 2
    up = np.linspace(-math.pi / 2, math.pi / 2, rows + 1)
    longitude, latitude = np.tile(around, rows + 1), np.repeat(up, _AROUND + 1)
    unit = np.column_stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]
    )
    normals = unit / half
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    coordinates = np.column_stack([longitude * half[0], (latitude + math.pi / 2) * half[2]])
    return Mesh(unit * half, normals, coordinates, _quads(rows, _AROUND))


_MAKERS = {"box": _box, "cylinder": _cylinder, "ellipsoid": _ellipsoid}
