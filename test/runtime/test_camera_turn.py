"""Where pixels go when the camera turns."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vit_perception.runtime.camera_model import CameraModel
from vit_perception.runtime.camera_turn import turned

CAMERA = CameraModel(300.0, 310.0, 150.0, 120.0, (240, 320))


@pytest.mark.parametrize("yaw", [-0.3, 0.05, 0.2])
@pytest.mark.parametrize("direction", [(0.1, -0.2, 1.0), (-0.4, 0.3, 1.0)])
def test_a_direction_is_seen_where_the_turned_camera_projects_it(
    yaw: float, direction: tuple[float, float, float]
) -> None:
    x, y, z = direction
    before = np.array([150 + 300 * x / z, 120 + 310 * y / z, 1])
    # The same direction in a camera that has turned left: what was ahead is to its right.
    right, ahead = x * math.cos(yaw) + z * math.sin(yaw), z * math.cos(yaw) - x * math.sin(yaw)
    after = turned(CAMERA, yaw) @ before
    np.testing.assert_allclose(
        after[:2] / after[2], (150 + 300 * right / ahead, 120 + 310 * y / ahead), atol=1e-9
    )
