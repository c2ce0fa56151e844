"""What each pixel of a scene sees: how far it is, which surface, where on it, which way the surface faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vit_and_cnn.scene import Box, Camera, Cylinder, Scene, turned


@dataclass
class Seen:
    """What N rays meet first.

    Attributes:
        along: (N, 3) unit vectors, the rays.
        distance: (N,) metres.
        surface: (N,) index into `Scene.materials`.
        place: (N, 2) metres along the surface, for its pattern.
        normal: (N, 3) unit vector that the surface faces.
    """

    along: np.ndarray
    distance: np.ndarray
    surface: np.ndarray
    place: np.ndarray
    normal: np.ndarray

    def meet(
        self, rays: np.ndarray, distance: np.ndarray, surface: int, place: np.ndarray, normal: np.ndarray
    ) -> None:
        """Enter what M rays meet, where it is nearer than all before.

        Args:
            rays: (M,) their indices.
            distance: (M,) metres, infinite for rays that miss it.
            surface: its index.
            place: (M, 2) metres along it.
            normal: (M, 3) unit vectors.
        """
        nearer = np.flatnonzero(distance < self.distance[rays])
        changed = rays[nearer]
        self.distance[changed], self.surface[changed] = distance[nearer], surface
        self.place[changed], self.normal[changed] = place[nearer], normal[nearer]


def rays(camera: Camera, size: tuple[int, int]) -> np.ndarray:
    """Unit vectors (H·W, 3) along which the pixels of a picture of (height, width) `size` look."""
    height, width = size
    v, u = np.mgrid[:height, :width].astype(np.float32).reshape(2, -1) + 0.5
    right, down = (u - width / 2) / width / camera.focal, (v - height / 2) / width / camera.focal
    right, down = turned(camera.roll).astype(np.float32) @ np.stack([right, down])
    ahead = np.ones_like(right)
    # Pitched downwards: what is ahead sinks, and what is up comes ahead.
    ahead, up = turned(-camera.pitch).astype(np.float32) @ np.stack([ahead, -down])
    along = np.stack([ahead, -right, up], axis=1).astype(np.float32)
    return along / np.linalg.norm(along, axis=1, keepdims=True)


def look(scene: Scene, size: tuple[int, int]) -> Seen:
    """What each pixel of a picture of (height, width) `size` sees, row by row."""
    eye = np.array([0, 0, scene.camera.height], np.float32)
    seen = _room(scene, eye, rays(scene.camera, size))
    surface = scene.drivable + 2
    for box in scene.boxes:
        _box(seen, box, eye, surface)
        surface += 1
    for cylinder in scene.cylinders:
        _cylinder(seen, cylinder, eye, surface)
        surface += 1
    return seen


def _turn(yaw: float) -> np.ndarray:
    """(3, 3): row vectors times it are in the frame of what is turned by `yaw`."""
    matrix = np.eye(3, dtype=np.float32)
    matrix[:2, :2] = turned(yaw)
    return matrix


def _room(scene: Scene, eye: np.ndarray, along: np.ndarray) -> Seen:
    """The room from inside, with its rugs."""
    turn = _turn(scene.yaw)
    inside, start = _not_zero(along @ turn), eye @ turn
    leave = (np.where(inside > 0, scene.high, scene.low).astype(np.float32) - start) / inside
    axis, every = leave.argmin(axis=1), np.arange(len(along))
    distance = leave[every, axis]
    point = start + distance[:, None] * inside
    normal = np.zeros_like(along)
    normal[every, axis] = -np.sign(inside[every, axis])
    upright = axis < 2
    along_wall = np.stack([point[every, 1 - axis], point[:, 2]], axis=1)
    place = np.where(upright[:, None], along_wall, point[:, :2])
    floor = ~upright & (inside[:, 2] < 0)
    surface = np.where(upright, scene.drivable + 1, np.where(floor, 0, scene.drivable))
    for number, rug in enumerate(scene.rugs, start=1):
        on_it = ((point @ turn.T - rug.centre) @ _turn(rug.yaw))[:, :2]
        under = floor & (np.abs(on_it) < rug.half[:2]).all(axis=1)
        surface[under], place[under] = number, on_it[under]
    return Seen(along, distance, surface, place, normal @ turn.T)


def _not_zero(directions: np.ndarray) -> np.ndarray:
    """The same, but what is (nearly) zero, by which nothing can be divided."""
    return np.where(np.abs(directions) < 1e-6, np.float32(1e-6), directions)


def _facing(seen: Seen, towards: np.ndarray, radius: float) -> np.ndarray:
    """Indices of the rays that may meet what is within `radius` of a centre that lies at `towards` (3,)."""
    away = float(np.linalg.norm(towards))
    if away <= radius:
        return np.arange(len(seen.along))
    least = np.sqrt(1 - (radius / away) ** 2)
    return np.flatnonzero(seen.along @ (towards / away).astype(np.float32) >= least)


def _box(seen: Seen, box: Box, eye: np.ndarray, surface: int) -> None:
    rays = _facing(seen, box.centre - eye, float(np.linalg.norm(box.half)))
    turn, half, every = _turn(box.yaw), box.half.astype(np.float32), np.arange(len(rays))
    inside, start = _not_zero(seen.along[rays] @ turn), (eye - box.centre).astype(np.float32) @ turn
    sign = np.sign(inside)
    enter, leave = (-sign * half - start) / inside, (sign * half - start) / inside
    axis = enter.argmax(axis=1)
    distance = enter[every, axis]
    point = start + distance[:, None] * inside
    normal = np.zeros_like(inside)
    normal[every, axis] = -sign[every, axis]
    place = np.stack([point[every, (axis + 1) % 3], point[every, (axis + 2) % 3]], axis=1)
    hit = (distance < leave.min(axis=1)) & (distance > 0)
    seen.meet(rays, np.where(hit, distance, np.inf), surface, place, normal @ turn.T)


def _cylinder(seen: Seen, cylinder: Cylinder, eye: np.ndarray, surface: int) -> None:
    radius, height = cylinder.radius, cylinder.height
    middle = np.append(cylinder.centre, height / 2)
    rays = _facing(seen, middle - eye, float(np.hypot(radius, height / 2)))
    along, off = seen.along[rays], (eye[:2] - cylinder.centre).astype(np.float32)
    square = (along[:, :2] ** 2).sum(axis=1) + np.float32(1e-9)
    half = along[:, :2] @ off
    under_root = half**2 - square * (off @ off - np.float32(radius**2))
    distance = (-half - np.sqrt(np.maximum(under_root, 0))) / square
    point = eye + distance[:, None] * along
    normal = np.zeros_like(along)
    normal[:, :2] = (off + distance[:, None] * along[:, :2]) / radius
    around = np.arctan2(normal[:, 1], normal[:, 0]) * radius
    hit = (under_root > 0) & (distance > 0) & (point[:, 2] < height)
    place = np.stack([around, point[:, 2]], axis=1)
    seen.meet(rays, np.where(hit, distance, np.inf), surface, place, normal)
    # From above, its lid.
    distance = (height - eye[2]) / np.minimum(along[:, 2], np.float32(-1e-6))
    place = off + distance[:, None] * along[:, :2]
    hit = (distance > 0) & ((place**2).sum(axis=1) < radius**2)
    lid = np.broadcast_to(np.array([0, 0, 1], np.float32), along.shape)
    seen.meet(rays, np.where(hit, distance, np.inf), surface, place, lid)
