"""A navigator's map that drives by a scan of the plan, without a picture or a model."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from vit_perception.nodes.navigation.goal import Goal, Whereabouts
from vit_perception.nodes.navigation.governor import Governor
from vit_perception.nodes.navigation.scan import Scan
from vit_perception.nodes.navigation.transforms import Transform
from vit_perception.runtime.planar import Pose, directions, seen_from
from vit_perception.runtime.results import Navigation
from vit_perception.sim.driving.pilot import ROBOT
from vit_perception.sim.plan import NOBODY, Plan
from vit_perception.sim.robot import CAMERA_X
from vit_perception.sim.simulation import Simulation
from vit_perception.sim.world import Solid, World

# Beams of a scan, as those of a depth image; metres as far as they see; metres around the middle of
# somebody's shins; and the share of the camera's height from which on a thing is tall.
_ANGLES, _REACH, _SHINS, _TALL = np.radians(np.arange(-59.5, 60.0)), 4.0, 0.12, 0.8
# Rays, of which each beam has the nearest of four: a thin leg is not missed.
_RAYS, _A_BEAM = np.radians(np.arange(-59.875, 60.0, 0.25)), 4
# Width by height of the picture.
_ASPECT = 4 / 3
# A model that never stops the robot.
_GOES = Navigation(collision=0.0, path=np.array([(0.3, 0.0), (0.6, 0.0)], np.float32))


class PlanarPilot:
    """Drives once. It sees what depth and picture would, without noise, and low things from afar alone.

    Args:
        simulation: of the drive, at its start.
    """

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._governor, self._whereabouts = Governor(), Whereabouts(ROBOT.base_frame)
        x, y = seen_from(Pose(*simulation.world.start), np.array(simulation.world.goal))
        self._whereabouts.set_goal(Goal("odom", (float(x), float(y), 0.0)))
        world, look = simulation.world, simulation.world.look
        least = _TALL * look.camera_height
        self._tall = _plan_of(world, [solid for solid in world.solids if _top(solid) >= least])
        low = [solid for solid in world.solids if _top(solid) < least]
        self._low = _plan_of(world, low)
        self._side = math.atan(_ASPECT * math.tan(look.field_of_view / 2))
        below = math.tan(look.field_of_view / 2 + look.camera_pitch)
        above = look.camera_height - float(np.median([_top(solid) for solid in low])) if low else 0.0
        self._over = above / below if below > 0 else math.inf

    def command(self) -> tuple[float, float]:
        """Speed (m/s) and turn rate (rad/s) now."""
        now, odometry = self._simulation.seconds, self._simulation.odometry.pose
        self._whereabouts.move("odom", ROBOT.base_frame, now, Transform.planar(*odometry))
        sight = self._whereabouts.sight(now, ROBOT.max_pose_age)
        velocity = self._governor.decide(_GOES, self._scan(), sight, False, 0.0, now, ROBOT).velocity
        return velocity.speed, velocity.turn

    def _scan(self) -> Scan:
        people = self._simulation.people.discs()
        people[:, 2] = _SHINS
        tall, low = self._cast(self._tall, people, 0.0), self._cast(self._low, NOBODY, self._over)
        return Scan(_ANGLES, np.minimum(tall, low), _REACH, measured=True, tall=~(low < tall))

    def _cast(self, plan: Plan, people: np.ndarray, least: float) -> np.ndarray:
        """(K,) metres from the robot's middle, infinite where nothing is; not a number beside the picture.

        Args:
            plan: of what may be seen.
            people: x, y and radius of each.
            least: metres ahead of the camera from which on it is seen.
        """
        metres = plan.free_distance(self._simulation.pose, _RAYS, _REACH, people)
        x, y = (metres[:, None] * directions(_RAYS) - (CAMERA_X, 0.0)).T
        metres[(metres >= _REACH) | (x < least)] = np.inf
        metres[np.abs(np.arctan2(y, x)) > self._side] = np.nan
        return np.asarray(np.fmin.reduce(metres.reshape(-1, _A_BEAM), axis=1))


def _plan_of(world: World, solids: list[Solid]) -> Plan:
    return Plan(dataclasses.replace(world, solids=tuple(solids)))


def _top(solid: Solid) -> float:
    return solid.centre[2] + solid.half[2]
