"""The robot that drives: its size, its limits, and how it moves (differential drive)."""

from __future__ import annotations

from dataclasses import dataclass

# A round robot, as a vacuum cleaner or a TurtleBot. What is lower than its clearance it drives over; what
# begins above its height it drives under.
RADIUS, HEIGHT, CLEARANCE = 0.2, 0.5, 0.03
# Metres and radians a second, and a second squared.
MAX_SPEED, MAX_TURN, MAX_ACCELERATION, MAX_TURN_ACCELERATION = 0.8, 1.8, 1.0, 4.0


@dataclass(frozen=True)
class Pose:
    """Where the robot is, in metres and radians of the world's frame; yaw turns left."""

    x: float
    y: float
    yaw: float
