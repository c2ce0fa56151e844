"""The robot that drives: its size, its limits, and how it moves (differential drive)."""

from __future__ import annotations

import math

# A round robot, as a vacuum cleaner or a TurtleBot. What is lower than its clearance it drives over; what
# begins above its height it drives under.
RADIUS, HEIGHT, CLEARANCE = 0.2, 0.5, 0.03
# Metres from the middle of the robot to its camera, along x of base_link.
CAMERA_X = 0.15
# Metres and radians a second, and a second squared.
MAX_SPEED, MAX_TURN, MAX_ACCELERATION, MAX_TURN_ACCELERATION = 0.8, 1.8, 1.0, 4.0


def optical_rotation(pitch: float) -> tuple[float, float, float, float]:
    """Quaternion x, y, z, w of the optical frame in base_link, of a camera that looks down by `pitch`."""
    # Of a level camera, (-1, 1, -1, 1) / 2; before it, the turn about base_link's y.
    cosine, sine = math.cos(pitch / 2), math.sin(pitch / 2)
    less, more = (cosine - sine) / 2, (cosine + sine) / 2
    return -more, more, -less, less
