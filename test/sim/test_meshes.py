"""Solids as triangles: closed, of the right size, and seen from outside."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vit_perception.sim.meshes import Mesh, ground_mesh, mesh_of
from vit_perception.sim.world import SHAPES, Ground, Solid

FLAT = Ground(np.zeros(0), np.zeros((0, 2)), np.zeros(0), "floor", 0)
HILL = Ground(np.array([0.5]), np.array([[0.3, 0.2]]), np.array([0.4]), "grass", 0)


def corners(mesh: Mesh) -> np.ndarray:
    return mesh.vertices[mesh.faces]


@pytest.mark.parametrize(
    ("shape", "volume", "least"),
    [("box", 2.4, 0.999), ("cylinder", 0.3 * math.pi, 0.95), ("ellipsoid", 0.4 * math.pi, 0.85)],
)
def test_a_mesh_encloses_the_volume_of_its_solid(shape: str, volume: float, least: float) -> None:
    half = {"box": (1.0, 0.5, 0.6), "cylinder": (0.5, 0.5, 0.6), "ellipsoid": (0.5, 1.0, 0.6)}[shape]
    mesh = mesh_of(Solid(shape, (3.0, -2.0, 0.8), half, 0.7, 0, 0), FLAT)
    a, b, c = corners(mesh).transpose(1, 0, 2)
    # Positive only if the triangles run counter-clockwise seen from outside.
    enclosed = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    assert least * volume < enclosed <= 1.0001 * volume


@pytest.mark.parametrize("shape", SHAPES)
def test_normals_point_outwards(shape: str) -> None:
    mesh = mesh_of(Solid(shape, (0.0, 0.0, 1.0), (0.5, 0.5, 1.0), 0.3, 0, 0), FLAT)
    assert np.einsum("ij,ij->i", mesh.normals, mesh.vertices - (0, 0, 1)).min() >= 0
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1)


def test_a_yaw_turns_from_x_to_y() -> None:
    mesh = mesh_of(Solid("box", (0.0, 0.0, 0.5), (2.0, 0.1, 0.5), math.pi / 4, 0, 0), FLAT)
    farthest = mesh.vertices[np.argmax(mesh.vertices[:, 0])]
    assert farthest[1] > 1


def test_on_hills_things_stand_on_the_ground_and_reach_into_it() -> None:
    mesh = mesh_of(Solid("box", (2.0, 1.0, 0.5), (0.3, 0.3, 0.5), 0.0, 0, 0), HILL)
    ground = float(HILL.height(np.array([2.0, 1.0])))
    assert mesh.vertices[:, 2].max() == pytest.approx(ground + 1)
    assert mesh.vertices[:, 2].min() < ground - 0.3


def test_the_ground_lies_at_its_height() -> None:
    mesh = ground_mesh(HILL, (0.0, 0.0, 4.0, 3.0), 1.0)
    np.testing.assert_allclose(mesh.vertices[:, 2], HILL.height(mesh.vertices[:, :2]))
    assert mesh.vertices[:, :2].min(axis=0).tolist() == [-1, -1]
    assert mesh.vertices[:, :2].max(axis=0).tolist() == [5, 4]
