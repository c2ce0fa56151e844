"""Where a pixel goes when a level camera turns: all that a robot's odometry knows about its picture without
depth."""

from __future__ import annotations

import math

import numpy as np

from vit_perception.runtime.camera_model import CameraModel


def turned(camera: CameraModel, yaw: float) -> np.ndarray:
    """(3, 3) homography: a pixel before the turn → the same direction's pixel after it.

    Args:
        camera: with its axis along the ground. It may look to any side of the robot.
        yaw: radians that the robot has turned about the vertical; positive is left.
    """
    k = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    cosine, sine = math.cos(yaw), math.sin(yaw)
    # In the optical frame (REP 103), up is -y: what is ahead goes to the right when the camera turns left.
    turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    return np.asarray(k @ turn @ np.linalg.inv(k))
