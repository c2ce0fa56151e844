"""One drive through a world: where the robot is, what it has hit, and whether it has arrived.

Without a renderer: `look` alone makes one, when it is first called.
"""

from __future__ import annotations

import copy
import functools
import math
from typing import TYPE_CHECKING

import numpy as np

from vit_perception.runtime.planar import Pose, seen_from
from vit_perception.sim.drive import Odometry, approach, moved
from vit_perception.sim.people import People
from vit_perception.sim.plan import Plan
from vit_perception.sim.robot import MAX_SPEED, RADIUS
from vit_perception.sim.world import World

if TYPE_CHECKING:
    from vit_perception.sim.camera import RgbdCamera, RgbdFrame

# The robot has arrived with its middle so near to the goal, in metres.
GOAL_RADIUS = 0.5
# Steps are taken in parts of at most so many seconds: 16 mm at full speed.
_PART = 0.02
# A collision is over when the robot is so far away from everything, in metres; what comes then is a new one.
_APART = 0.05


class Simulation:
    """The robot in a world. The same commands lead to the same drive.

    Args:
        world: to drive through.
        size: (height, width) of the camera's pictures.

    Attributes:
        pose: of the robot in the world's frame.
        velocity: its speed (m/s) and turn rate (rad/s).
        people: who walk about.
        plan: of the world.
        odometry: what the wheels report.
        seconds: since the start.
        driven: metres.
        bumped: whether the bumper touches something.
        collisions: how many there were.
    """

    def __init__(self, world: World, size: tuple[int, int] = (240, 320)) -> None:
        self.world = world
        self.size = size
        self.pose = Pose(*world.start)
        self.velocity = (0.0, 0.0)
        self.people = People(world.walkers)
        self.plan = Plan(world)
        self.odometry = Odometry(world.seed)
        self.seconds = 0.0
        self.driven = 0.0
        self.bumped = False
        self.collisions = 0
        self._apart = True

    @property
    def reached(self) -> bool:
        """Whether the robot has arrived."""
        goal_x, goal_y = self.world.goal
        return math.hypot(goal_x - self.pose.x, goal_y - self.pose.y) <= GOAL_RADIUS

    @property
    def goal(self) -> tuple[float, float]:
        """x and y in the frame `odom`, which begins where the robot starts."""
        x, y = seen_from(Pose(*self.world.start), np.array(self.world.goal))
        return float(x), float(y)

    def look(self) -> RgbdFrame:
        """What the camera sees now.

        Raises:
            RuntimeError: the renderer is not installed; the message says how to install it.
        """
        shutter = self.world.look.blur_seconds
        closed = moved(self.pose, *self.velocity, shutter)
        return self.camera.look(self.pose, self.seconds, self.people.clocks, closed if shutter else None)

    @functools.cached_property
    def camera(self) -> RgbdCamera:
        """The robot's camera, made when it is first asked for."""
        from vit_perception.sim.camera import RgbdCamera
        from vit_perception.sim.scene import Scene

        return RgbdCamera(Scene(self.world), self.size)

    def close(self) -> None:
        """Free the renderer, if there is one."""
        if "camera" in self.__dict__:
            self.camera.close()
            del self.camera

    def step(self, speed: float, turn: float, dt: float) -> None:
        """Let `dt` seconds pass, with this speed (m/s) and turn rate (rad/s) asked for."""
        parts = math.ceil(dt / _PART - 1e-9)
        near = self.plan.near(np.array((self.pose.x, self.pose.y)), dt * MAX_SPEED + 1.0)
        for _ in range(parts):
            self._move((speed, turn), dt / parts, near)

    def hits_within(self, seconds: float) -> bool:
        """Whether it hits something in this time if it keeps its speed and turn rate."""
        future = copy.copy(self)
        future.people = self.people.copy()
        future.odometry = copy.deepcopy(self.odometry)
        future.step(*self.velocity, seconds)
        return future.collisions > self.collisions

    def _move(self, command: tuple[float, float], dt: float, near: Plan) -> None:
        speed, turn = approach(self.velocity, command, dt)
        self.people.step(self.pose, dt)
        people = self.people.discs()
        then = moved(self.pose, speed, turn, dt)
        gaps = near.clearance(np.array([(self.pose.x, self.pose.y), (then.x, then.y)]), people) - RADIUS
        # Who touches something can still turn on the spot, and leave.
        self.bumped = bool(gaps[1] < 0 and gaps[1] <= gaps[0])
        if self.bumped:
            speed, then = 0.0, Pose(self.pose.x, self.pose.y, then.yaw)
            self.collisions += self._apart
        self._apart = bool(gaps[0] > _APART) or (self._apart and not self.bumped)
        self.velocity = float(speed), float(turn)
        self.pose = then
        self.odometry.step(*self.velocity, dt)
        self.driven += abs(speed) * dt
        self.seconds += dt
