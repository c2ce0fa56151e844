"""A navigator that drives in process, without ROS: it is given and obeyed as by its node in lock-step."""

from __future__ import annotations

import numpy as np

from vit_perception.nodes.navigation.best_scan import best_scan
from vit_perception.nodes.navigation.goal import Goal, Sight, Whereabouts
from vit_perception.nodes.navigation.governor import Governor
from vit_perception.nodes.navigation.scan import Scan
from vit_perception.nodes.navigation.settings import NavigationSettings
from vit_perception.nodes.navigation.transforms import Transform
from vit_perception.runtime.camera_model import CameraModel
from vit_perception.runtime.navigation_history import NavigationHistory
from vit_perception.runtime.navigation_input import NavigationInput
from vit_perception.runtime.planar import Pose
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request
from vit_perception.runtime.results import Navigation
from vit_perception.sim.driving.observation import Observation
from vit_perception.sim.robot import (
    CAMERA_X,
    MAX_ACCELERATION,
    MAX_SPEED,
    MAX_TURN,
    MAX_TURN_ACCELERATION,
    RADIUS,
    optical_rotation,
)
from vit_perception.tasks import NAVIGATION

# What a navigator is told of the simulated robot.
ROBOT = NavigationSettings(
    drive=True,
    robot_radius=RADIUS,
    max_speed=MAX_SPEED,
    max_turn=MAX_TURN,
    max_acceleration=MAX_ACCELERATION,
    max_turn_acceleration=MAX_TURN_ACCELERATION,
    # Of the half metre within which it has arrived, the odometry's drift may have the rest.
    goal_tolerance=0.15,
)
_ODOM, _REQUEST = "odom", Request(tasks=(NAVIGATION,))


class Steering:
    """The node's map and rules, for one drive. An answer comes at the time of its frame, as in lock-step."""

    def __init__(self) -> None:
        self._whereabouts, self._governor = Whereabouts(ROBOT.base_frame), Governor()

    def sight(self, now: float, odometry: Pose, goal: tuple[float, float]) -> Sight:
        """The goal as the robot sees it.

        Args:
            now: seconds.
            odometry: of the robot.
            goal: x and y in the frame of the odometry, the same in each call.
        """
        pose = Transform.planar(odometry.x, odometry.y, odometry.yaw)
        self._whereabouts.move(_ODOM, ROBOT.base_frame, now, pose)
        if self._whereabouts.goal is None:
            self._whereabouts.set_goal(Goal(_ODOM, (*goal, 0.0)))
        sight = self._whereabouts.sight(now, ROBOT.max_pose_age)
        assert sight is not None  # the goal has been set
        return sight

    def command(self, found: Navigation, scan: Scan | None, sight: Sight, now: float) -> tuple[float, float]:
        """Speed (m/s) and turn rate (rad/s) after the answer to a frame."""
        velocity = self._governor.decide(found, scan, sight, False, 0.0, now, ROBOT).velocity
        return velocity.speed, velocity.turn


class Pilot:
    """Drives once.

    Args:
        predictor: of a navigator that leads to a goal.
    """

    def __init__(self, predictor: Predictor) -> None:
        assert predictor.navigation is not None  # of a navigator
        self._predictor = predictor
        self._history = NavigationHistory(predictor.navigation)
        self._steering = Steering()

    def command(self, seen: Observation) -> tuple[float, float]:
        """Speed (m/s) and turn rate (rad/s) after this observation, which is later than the last."""
        now = seen.seconds
        sight = self._steering.sight(now, seen.odometry, seen.goal)
        given = NavigationInput(seen.depth, (sight.distance, sight.bearing), self._history.before(now))
        found = self._predictor(seen.rgb, "rgb", _REQUEST, given).navigation
        assert found is not None  # it was asked for
        if found.token is not None:
            self._history.add(now, found.token)
        scan = best_scan(found, seen.depth, (_camera(seen), _mount(seen)))
        return self._steering.command(found, scan, sight, now)


def _camera(seen: Observation) -> CameraModel:
    (fx, _, cx), (_, fy, cy) = seen.intrinsics[:2].tolist()
    height, width = seen.rgb.shape[:2]
    return CameraModel(fx, fy, cx, cy, (height, width))


def _mount(seen: Observation) -> Transform:
    place = np.array((CAMERA_X, 0.0, seen.camera_height))
    return Transform(place, np.array(optical_rotation(seen.camera_pitch)))
