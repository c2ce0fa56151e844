"""What the rest of the way to the goal costs, from anywhere on a local map. Needs no ROS.

Where nobody has looked, ground is taken to be free: what is in the way turns up as the robot sees it, and
then the way is another one.
"""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.nodes.navigation.local_map import BODY, CELL, LocalMap

# Metres from the robot's edge: the least on any way, and where nothing disturbs any more. How many times its
# length a way costs that touches something.
_LEAST, _COMFORT, _DEAREST = 0.03, 0.4, 6.0
# Likewise, through what the robot does not fit into: it may be there already.
_BLOCKED = 200.0
# Likewise, where nobody has looked, and where somebody is who may go on: a way around is seldom worth it.
_UNKNOWN, _CROWDED = 1.3, 1.5
# Steps between two looks at whether costs still fall, and the most.
_STEPS, _MOST_STEPS = 40, 800
_CROSS, _SQUARE = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), np.ones((3, 3), np.uint8)
_FAR = np.float32(1e6)


class CostsToGo:
    """In metres of open ground.

    Args:
        ground: around the robot.
        robot: x and y.
        goal: x and y, which may be beyond the map.
        radius: of the robot, metres.
    """

    def __init__(
        self, ground: LocalMap, robot: tuple[float, float], goal: tuple[float, float], radius: float
    ) -> None:
        # In an open door, who was seen for a moment is no reason to look for another.
        glimpsed = ground.glimpsed
        gaps = _metres_to(ground.standing & ~glimpsed) - radius
        near = 1 - np.clip(gaps / _COMFORT, 0, 1)
        costs = (CELL * (1 + _DEAREST * near**2)).astype(np.float32)
        costs[ground.unknown] *= _UNKNOWN
        costs[_metres_to(ground.passing | glimpsed) < radius + BODY] *= _CROWDED
        costs[gaps < _LEAST] = CELL * _BLOCKED
        self._ground = ground
        row, column = np.rint(ground.cells(np.array(robot))).astype(int)
        self._costs = _spread(_at_goal(ground, goal, costs.shape), costs, (int(row), int(column)))

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """(N,) costs from x and y (N, 2), which are between those of the cells around."""
        rows, columns = self._ground.cells(places).astype(np.float32).T
        found = cv2.remap(
            self._costs, columns[None], rows[None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(found[0])


def _metres_to(things: np.ndarray) -> np.ndarray:
    """(H, W) from the middle of each cell to the nearest thing, which may be anywhere in its cell."""
    nothing = (~things).astype(np.uint8)
    return np.asarray(CELL * cv2.distanceTransform(nothing, cv2.DIST_L2, cv2.DIST_MASK_5) - CELL / 2)


def _at_goal(ground: LocalMap, goal: tuple[float, float], shape: tuple[int, ...]) -> np.ndarray:
    """(H, W) 0 at the goal, or, if it is beyond the map, the straight way from its edge; far elsewhere."""
    found = np.full(shape, _FAR, np.float32)
    row, column = np.rint(ground.cells(np.array(goal))).astype(int)
    if 0 <= row < shape[0] and 0 <= column < shape[1]:
        found[row, column] = 0
        return found
    edge = np.ones(shape, bool)
    edge[1:-1, 1:-1] = False
    found[edge] = np.hypot(*(ground.places(np.argwhere(edge)) - goal).T)
    return found


def _spread(found: np.ndarray, costs: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """(H, W) least costs to the goal. One step takes them to the eight neighbours, until they fall no more.

    As far as they matter at the start: others may be too high.
    """
    aslant, before = costs * np.float32(np.sqrt(2)), _FAR
    for step in range(1, _MOST_STEPS + 1):
        straight = cv2.erode(found, _CROSS) + costs
        found = np.minimum(np.minimum(found, straight), cv2.erode(found, _SQUARE) + aslant)
        if step % _STEPS == 0:
            if found[start] < _FAR and found[start] > before - 1e-3:
                break
            before = found[start]
    return found
