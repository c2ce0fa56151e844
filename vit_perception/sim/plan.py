"""A world seen from above: what a robot of its height can touch, how near that is, and how far away.

This is the only collision test of the simulator: plane geometry is exact, and fast enough for every step.
"""

from __future__ import annotations

import copy

import numpy as np

from vit_perception.runtime.planar import Pose
from vit_perception.sim.robot import CLEARANCE, HEIGHT, RADIUS
from vit_perception.sim.world import Solid, World

NOBODY = np.zeros((0, 3))
# Where a ray ends, metres before the surface, and after so many steps at the latest.
_TOUCH, _STEPS = 1e-3, 200


class Plan:
    """The outlines of the solids that stand in the robot's way.

    Each outline is a rounded box: a rectangle (its core) with a margin of `radius` around. A box has no
    margin, a cylinder no core. An ellipsoid is taken as the capsule around it.

    Args:
        world: that is looked at.

    Attributes:
        bounds: of the world: x_min, y_min, x_max, y_max.
    """

    def __init__(self, world: World) -> None:
        self.bounds = world.bounds
        solids = [solid for solid in world.solids if _in_the_way(solid)]
        outlines = np.array([_outline(solid) for solid in solids]).reshape(-1, 7)
        self._centres, self._cores, self._radii = outlines[:, :2], outlines[:, 2:4], outlines[:, 4]
        self._axes = outlines[:, 5:7]
        self._reach = np.hypot(*self._cores.T) + self._radii

    def clearance(self, points: np.ndarray, people: np.ndarray = NOBODY) -> np.ndarray:
        """(N,) metres from points (N, 2) to the nearest outline, negative inside; infinite if there is none.

        Args:
            points: of the world.
            people: (K, 3) x, y and radius of each.
        """
        return np.minimum(self._distances(points, slice(None)), _to_people(points, people))

    def near(self, place: np.ndarray, metres: float) -> Plan:
        """The same with only those outlines that come within `metres` of `place` (2,)."""
        kept = np.hypot(*(self._centres - place).T) < self._reach + metres
        part = copy.copy(self)
        for name in ("_centres", "_cores", "_radii", "_axes", "_reach"):
            setattr(part, name, getattr(self, name)[kept])
        return part

    def clearance_map(self, xs: np.ndarray, ys: np.ndarray, most: float) -> np.ndarray:
        """(len(ys), len(xs)) clearance at the points of a grid, at most `most`. Quick for many points."""
        found = np.full((len(ys), len(xs)), most)
        for place, (x, y) in enumerate(self._centres):
            reach = self._reach[place] + most
            columns = slice(*np.searchsorted(xs, (x - reach, x + reach)))
            rows = slice(*np.searchsorted(ys, (y - reach, y + reach)))
            part = np.stack(np.meshgrid(xs[columns], ys[rows]), axis=-1)
            if part.size:
                distances = self._distances(part.reshape(-1, 2), slice(place, place + 1))
                np.minimum(found[rows, columns], distances.reshape(part.shape[:2]), out=found[rows, columns])
        return found

    def free_distance(
        self, pose: Pose, headings: np.ndarray, most: float, people: np.ndarray = NOBODY
    ) -> np.ndarray:
        """(N,) metres from the robot's centre to the first outline, at most `most`.

        Args:
            pose: of the robot.
            headings: (N,) radians from straight ahead; positive is left.
            most: how far to look.
            people: as in `clearance`.
        """
        start = np.array((pose.x, pose.y))
        near = self.near(start, most)
        directions = np.stack((np.cos(pose.yaw + headings), np.sin(pose.yaw + headings)), axis=1)
        travelled = np.zeros(len(headings))
        moving = np.ones(len(headings), bool)
        # A ray may go on by the clearance at its end, and then looks again (sphere tracing).
        for _ in range(_STEPS):
            ends = start + travelled[moving, None] * directions[moving]
            step = near.clearance(ends, people)
            travelled[moving] += np.maximum(step, 0.0)
            moving[moving] = (step > _TOUCH) & (travelled[moving] < most)
            if not moving.any():
                break
        return np.minimum(travelled, most)

    def collides(self, pose: Pose, people: np.ndarray = NOBODY) -> bool:
        """Whether the robot would stand in something."""
        return bool(self.clearance(np.array([(pose.x, pose.y)]), people)[0] < RADIUS)

    def _distances(self, points: np.ndarray, which: slice) -> np.ndarray:
        offsets = points[:, None] - self._centres[which]
        cosine, sine = self._axes[which].T
        along = np.abs(offsets[..., 0] * cosine + offsets[..., 1] * sine) - self._cores[which, 0]
        across = np.abs(offsets[..., 1] * cosine - offsets[..., 0] * sine) - self._cores[which, 1]
        outside = np.hypot(np.maximum(along, 0.0), np.maximum(across, 0.0))
        inside = np.minimum(np.maximum(along, across), 0.0)
        return (outside + inside - self._radii[which]).min(axis=1, initial=np.inf)


def _to_people(points: np.ndarray, people: np.ndarray) -> np.ndarray:
    offsets = points[:, None] - people[:, :2]
    return (np.hypot(offsets[..., 0], offsets[..., 1]) - people[:, 2]).min(axis=1, initial=np.inf)


def _in_the_way(solid: Solid) -> bool:
    """Neither driven over nor driven under."""
    middle, half = solid.centre[2], solid.half[2]
    return middle + half > CLEARANCE and middle - half < HEIGHT


def _outline(solid: Solid) -> tuple[float, ...]:
    """x, y, half lengths of the core along its own x and y, radius, cosine and sine of its yaw."""
    half_x, half_y = solid.half[:2]
    radius = 0.0 if solid.shape == "box" else min(half_x, half_y)
    return (
        *solid.centre[:2],
        half_x - radius,
        half_y - radius,
        radius,
        float(np.cos(solid.yaw)),
        float(np.sin(solid.yaw)),
    )
