"""A drive seen from above, as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from vit_perception.runtime.planar import Pose
from vit_perception.sim.driving.episode import Episode
from vit_perception.sim.plan import NOBODY, Plan
from vit_perception.sim.robot import RADIUS
from vit_perception.sim.simulation import GOAL_RADIUS
from vit_perception.sim.world import World

# RGB.
_FREE, _BLOCKED = (244, 244, 240), (70, 74, 84)
_START, _GOAL, _TRACK, _HIT, _PERSON, _WAY = (
    (110, 110, 110),
    (60, 170, 90),
    (40, 100, 220),
    (220, 50, 50),
    (230, 140, 40),
    (150, 60, 200),
)
# Pixels along the longer side of the map, and metres around the world's bounds.
_SIDE, _EDGE = 640, 0.2
# Pixels below it for a line of text.
_TEXT = 26

Points = Sequence[tuple[float, float]] | np.ndarray


class MapView:
    """Draws on the plan of a world; x goes right and y up.

    Args:
        world: that is drawn.
        side: pixels along its longer side.
    """

    def __init__(self, world: World, side: int = _SIDE) -> None:
        x_min, y_min, x_max, y_max = world.bounds
        self._scale = side / (max(x_max - x_min, y_max - y_min) + 2 * _EDGE)
        self._left, self._top = x_min - _EDGE, y_max + _EDGE
        xs = np.arange(self._left, x_max + _EDGE, 1 / self._scale)
        ys = np.arange(y_min - _EDGE, self._top, 1 / self._scale)
        blocked = Plan(world).clearance_map(xs, ys, 1.0)[::-1] < 0
        self._plan = np.where(blocked[..., None], _BLOCKED, _FREE).astype(np.uint8)
        self._disc(self._plan, world.start[:2], RADIUS, _START, 1)
        self._disc(self._plan, world.goal, GOAL_RADIUS, _GOAL, 2)
        self._disc(self._plan, world.goal, 0.08, _GOAL)

    def now(self, track: Points, pose: Pose, people: np.ndarray = NOBODY, way: Points = ()) -> np.ndarray:
        """(H, W, 3) uint8 RGB of one moment.

        Args:
            track: where the robot has been.
            pose: of the robot.
            people: (K, 3) x, y and radius of each.
            way: where it means to go.
        """
        picture = self._plan.copy()
        self._line(picture, track, _TRACK)
        self._line(picture, way, _WAY)
        for x, y, radius in people:
            self._disc(picture, (x, y), radius, _PERSON)
        self._robot(picture, pose)
        return picture

    def whole(self, episode: Episode) -> np.ndarray:
        """(H, W, 3) uint8 RGB of all of a drive."""
        picture = self._plan.copy()
        for walked in zip(*episode.people, strict=True):
            self._line(picture, walked, _PERSON)
        self._line(picture, [(x, y) for x, y, _ in episode.track], _TRACK)
        for hit in episode.hits:
            self._disc(picture, hit, RADIUS, _HIT, 2)
        if episode.track:
            self._robot(picture, Pose(*episode.track[-1]))
        outcome = "arrived" if episode.success else "did not arrive"
        text = f"{episode.kind} {episode.world}: {outcome}, {episode.seconds:.0f} s, {episode.collisions} hit"
        below = np.full((_TEXT, *picture.shape[1:]), _FREE, np.uint8)
        cv2.putText(below, text, (8, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _BLOCKED, 1, cv2.LINE_AA)
        return np.vstack([picture, below])

    def _robot(self, picture: np.ndarray, pose: Pose) -> None:
        self._disc(picture, (pose.x, pose.y), RADIUS, _TRACK)
        nose = pose.x + RADIUS * np.cos(pose.yaw), pose.y + RADIUS * np.sin(pose.yaw)
        self._line(picture, [(pose.x, pose.y), nose], _FREE)

    def _pixels(self, points: Points) -> np.ndarray:
        metres = np.asarray(points, dtype=float).reshape(-1, 2)
        return np.rint((metres - (self._left, self._top)) * (self._scale, -self._scale)).astype(np.int32)

    def _line(self, picture: np.ndarray, points: Points, colour: tuple[int, int, int]) -> None:
        cv2.polylines(picture, [self._pixels(points)], False, colour, 2, cv2.LINE_AA)

    def _disc(
        self,
        picture: np.ndarray,
        place: tuple[float, float],
        radius: float,
        colour: tuple[int, int, int],
        thickness: int = -1,
    ) -> None:
        centre = tuple(self._pixels([place])[0].tolist())
        cv2.circle(picture, centre, max(1, round(radius * self._scale)), colour, thickness, cv2.LINE_AA)
