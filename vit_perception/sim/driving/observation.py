"""What a policy is given at one time: nothing that a robot would not know."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vit_perception.runtime.planar import Pose, seen_from
from vit_perception.sim.driving.conditions import Condition
from vit_perception.sim.route import Route
from vit_perception.sim.simulation import Simulation

if TYPE_CHECKING:
    from vit_perception.sim.camera import RgbdFrame


@dataclass(frozen=True)
class Observation:
    """What the robot senses.

    Attributes:
        seconds: since the start.
        rgb: (H, W, 3) uint8.
        depth: (H, W) float32 metres along the optical axis, 0 where unknown; None: the depth camera is dead.
        intrinsics: (3, 3) of the camera, in pixels.
        camera_height: metres above the ground, as far as the robot knows.
        camera_pitch: radians, positive looks down, as far as the robot knows.
        odometry: pose in the frame `odom`, as the wheels report it.
        goal: x and y in the frame `odom`.
        velocity: speed (m/s) and turn rate (rad/s).
        bumped: whether the bumper touches something.
    """

    seconds: float
    rgb: np.ndarray
    depth: np.ndarray | None
    intrinsics: np.ndarray
    camera_height: float
    camera_pitch: float
    odometry: Pose
    goal: tuple[float, float]
    velocity: tuple[float, float]
    bumped: bool

    @property
    def to_goal(self) -> tuple[float, float]:
        """Distance (m) and bearing (rad, positive is left) of the goal, as far as the wheels know."""
        x, y = seen_from(self.odometry, np.array(self.goal))
        return math.hypot(x, y), math.atan2(y, x)


class Senses:
    """Observes a drive under a condition.

    Args:
        simulation: of the drive, in the world that the condition shows.
        route: to its goal.
        condition: of the drive.
    """

    def __init__(self, simulation: Simulation, route: Route, condition: Condition) -> None:
        self._simulation = simulation
        self._route = route
        self._condition = condition
        self._whole_way = route.distance((simulation.pose.x, simulation.pose.y))
        self._depth_died = False

    def observe(self, frame: RgbdFrame | None = None) -> Observation:
        """Take a picture, and read the wheels.

        Args:
            frame: a picture that was taken just now, if there is one.

        Raises:
            RuntimeError: the renderer is not installed; the message says how to install it.
        """
        simulation = self._simulation
        frame = frame or simulation.look()
        look = simulation.world.look
        left = self._route.distance((simulation.pose.x, simulation.pose.y))
        self._depth_died |= not self._condition.has_depth(1 - left / self._whole_way)
        return Observation(
            seconds=simulation.seconds,
            rgb=frame.rgb,
            depth=None if self._depth_died else frame.depth,
            intrinsics=simulation.camera.intrinsics,
            camera_height=look.camera_height,
            camera_pitch=look.camera_pitch - self._condition.tilt,
            odometry=simulation.odometry.pose,
            goal=simulation.goal,
            velocity=simulation.velocity,
            bumped=simulation.bumped,
        )
