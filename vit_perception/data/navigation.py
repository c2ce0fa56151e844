"""What is known of a robot's way at the time of one picture: the record, and the constants that give its
numbers a meaning."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

# What the robot should do next, by name.
ACTIONS = ("turn_left", "forward", "turn_right", "stop")
# A scan has free distances at these headings: radians from straight ahead, left first. None is longer.
SCAN_ANGLES = np.linspace(math.radians(40), math.radians(-40), 32)
SCAN_RANGE = 6.0
# A path has so many points, so many metres apart.
PATH_POINTS, PATH_SPACING = 8, 0.25
# Free ground ends somewhere in each of so many columns of the picture, evenly spaced.
FREE_COLUMNS = 24
# A collision counts if it is so near, with the command of the moment.
COLLISION_SECONDS = 1.5


@dataclass(frozen=True)
class NavigationTruth:
    """Where a robot could go, and should, at the time of a picture.

    Pictures of one `episode` are one drive, in the order of `frame`. Lengths are in metres; x is ahead of the
    robot and y to its left (REP 103).

    Attributes:
        episode: name of the drive.
        frame: number of the picture in it, from 0.
        seconds: since the drive began.
        velocity: forwards (m/s) and turning left (rad/s).
        goal: distance as the crow flies, and bearing in radians, positive to the left.
        goal_distance: along the shortest way that the robot fits through.
        collision: whether it hits something within COLLISION_SECONDS if it keeps its command.
        action: one of ACTIONS.
        scan: (32,) float32, from the robot's middle to what stands there, at SCAN_ANGLES, 0 to SCAN_RANGE.
        path: (8, 2) float32 x, y of the way to take, PATH_SPACING apart.
        free_space: (FREE_COLUMNS,) float32, the row at the middle of each column above which the ground is
            not free, as a share of the picture's height; not a number where nobody knows. None: nobody knows.

    Raises:
        ValueError: a value is none of these; the message names it.
    """

    episode: str
    frame: int
    seconds: float
    velocity: tuple[float, float]
    goal: tuple[float, float]
    goal_distance: float
    collision: bool
    action: str
    scan: np.ndarray
    path: np.ndarray
    free_space: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"action is {self.action!r}: choose from {', '.join(ACTIONS)}")
        if self.frame < 0 or self.goal_distance < 0 or self.goal[0] < 0:
            raise ValueError("frame, goal_distance and the distance of goal cannot be negative")
        numbers = (self.seconds, *self.velocity, *self.goal, self.goal_distance)
        if not np.isfinite(numbers).all():
            raise ValueError("seconds, velocity, goal and goal_distance must be finite")
        for name, shape, least in (("scan", SCAN_ANGLES.shape, 0.0), ("path", (PATH_POINTS, 2), -math.inf)):
            values = np.asarray(getattr(self, name), np.float32)
            if values.shape != shape or not np.isfinite(values).all() or (values < least).any():
                raise ValueError(f"{name} must be {shape} finite metres: it has shape {values.shape}")
            object.__setattr__(self, name, values)
        if self.free_space is not None:
            rows = np.asarray(self.free_space, np.float32)
            if rows.shape != (FREE_COLUMNS,) or (rows < 0).any() or (rows > 1).any():
                raise ValueError(f"free_space must be ({FREE_COLUMNS},) shares from 0 to 1: it is {rows}")
            object.__setattr__(self, "free_space", rows)
