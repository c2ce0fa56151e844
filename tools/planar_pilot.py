"""A navigator's map that drives by a scan of the plan, without a picture or a model."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from vit_perception.nodes.navigation.depth_scan import REACH, TALL
from vit_perception.nodes.navigation.scan import Scan
from vit_perception.runtime.planar import directions
from vit_perception.runtime.results import Navigation
from vit_perception.sim.driving.pilot import Steering
from vit_perception.sim.plan import NOBODY, Plan
from vit_perception.sim.robot import CAMERA_X
from vit_perception.sim.simulation import Simulation
from vit_perception.sim.world import Solid, World

# Radians from beam to beam; rays around the middle of each, of which it has the nearest: a thin leg is not
# missed; and metres around the middle of somebody's shins.
_BEAM, _RAYS, _SHINS = np.radians(1.0), np.radians((-0.375, -0.125, 0.125, 0.375)), 0.12
# A model that never stops the robot.
_GOES = Navigation(collision=0.0, path=np.array([(0.3, 0.0), (0.6, 0.0)], np.float32))


class PlanarPilot:
    """Drives once. It sees what depth and picture would, without noise, and low things from afar alone.

    Args:
        simulation: of the drive, at its start.
    """

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._steering = Steering()
        world, look = simulation.world, simulation.world.look
        least = TALL * look.camera_height
        self._tall = _plan_of(world, [solid for solid in world.solids if _top(solid) >= least])
        low = [solid for solid in world.solids if _top(solid) < least]
        self._low = _plan_of(world, low)
        height, width = simulation.size
        self._side = math.atan(width / height * math.tan(look.field_of_view / 2))
        count = math.ceil(self._side / _BEAM)
        self._angles = _BEAM * (np.arange(-count, count) + 0.5)
        below = math.tan(look.field_of_view / 2 + look.camera_pitch)
        above = look.camera_height - float(np.median([_top(solid) for solid in low])) if low else 0.0
        self._over = above / below if below > 0 else math.inf

    def command(self) -> tuple[float, float]:
        """Speed (m/s) and turn rate (rad/s) now."""
        now = self._simulation.seconds
        sight = self._steering.sight(now, self._simulation.odometry.pose, self._simulation.goal)
        return self._steering.command(_GOES, self._scan(), sight, now)

    def _scan(self) -> Scan:
        people = self._simulation.people.discs()
        people[:, 2] = _SHINS
        tall, low = self._cast(self._tall, people, 0.0), self._cast(self._low, NOBODY, self._over)
        return Scan(self._angles, np.minimum(tall, low), REACH, measured=True, tall=~(low < tall))

    def _cast(self, plan: Plan, people: np.ndarray, least: float) -> np.ndarray:
        """(K,) metres from the robot's middle, infinite where nothing is; not a number beside the picture.

        Args:
            plan: of what may be seen.
            people: x, y and radius of each.
            least: metres ahead of the camera from which on it is seen.
        """
        rays = (self._angles[:, None] + _RAYS).ravel()
        metres = plan.free_distance(self._simulation.pose, rays, REACH, people)
        x, y = (metres[:, None] * directions(rays) - (CAMERA_X, 0.0)).T
        metres[(metres >= REACH) | (x < least)] = np.inf
        metres[np.abs(np.arctan2(y, x)) > self._side] = np.nan
        return np.asarray(np.fmin.reduce(metres.reshape(-1, len(_RAYS)), axis=1))


def _plan_of(world: World, solids: list[Solid]) -> Plan:
    return Plan(dataclasses.replace(world, solids=tuple(solids)))


def _top(solid: Solid) -> float:
    return solid.centre[2] + solid.half[2]
