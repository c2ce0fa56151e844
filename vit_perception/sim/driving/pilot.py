"""A navigator that drives in process, without ROS: it is given and obeyed as by its node in lock-step."""

from __future__ import annotations

import numpy as np

from vit_perception.nodes.navigation.best_scan import best_scan
from vit_perception.nodes.navigation.goal import Goal, Whereabouts
from vit_perception.nodes.navigation.governor import Governor
from vit_perception.nodes.navigation.settings import NavigationSettings
from vit_perception.nodes.navigation.transforms import Transform
from vit_perception.runtime.camera_model import CameraModel
from vit_perception.runtime.navigation_history import NavigationHistory
from vit_perception.runtime.navigation_input import NavigationInput
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request
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


class Pilot:
    """Drives once. Each answer is there at the time of its frame, as in lock-step.

    Args:
        predictor: of a navigator that leads to a goal.
    """

    def __init__(self, predictor: Predictor) -> None:
        assert predictor.navigation is not None  # of a navigator
        self._predictor = predictor
        self._history = NavigationHistory(predictor.navigation)
        self._whereabouts = Whereabouts(ROBOT.base_frame)
        self._governor = Governor()

    def command(self, seen: Observation) -> tuple[float, float]:
        """Speed (m/s) and turn rate (rad/s) after this observation, which is later than the last."""
        now, odometry = seen.seconds, seen.odometry
        pose = Transform.planar(odometry.x, odometry.y, odometry.yaw)
        self._whereabouts.move(_ODOM, ROBOT.base_frame, now, pose)
        if self._whereabouts.goal is None:
            self._whereabouts.set_goal(Goal(_ODOM, (*seen.goal, 0.0)))
        sight = self._whereabouts.sight(now, ROBOT.max_pose_age)
        assert sight is not None  # the goal has just been set
        given = NavigationInput(seen.depth, (sight.distance, sight.bearing), self._history.before(now))
        found = self._predictor(seen.rgb, "rgb", _REQUEST, given).navigation
        assert found is not None  # it was asked for
        if found.token is not None:
            self._history.add(now, found.token)
        view = _camera(seen), _mount(seen)
        scan = best_scan(found, seen.depth, view)
        velocity = self._governor.decide(found, scan, sight, False, 0.0, now, ROBOT).velocity
        return velocity.speed, velocity.turn


def _camera(seen: Observation) -> CameraModel:
    (fx, _, cx), (_, fy, cy) = seen.intrinsics[:2].tolist()
    height, width = seen.rgb.shape[:2]
    return CameraModel(fx, fy, cx, cy, (height, width))


def _mount(seen: Observation) -> Transform:
    place = np.array((CAMERA_X, 0.0, seen.camera_height))
    return Transform(place, np.array(optical_rotation(seen.camera_pitch)))
