"""The picture of a drive shows what stood where, and where the robot and the people were."""

from __future__ import annotations

import numpy as np

from sim.hand_made import box, person, room
from vit_perception.runtime.planar import Pose
from vit_perception.sim.driving.episode import Episode
from vit_perception.sim.driving.map_view import MapView

SCALE = 640 / 10.4


def at(picture: np.ndarray, x: float, y: float) -> tuple[int, ...]:
    return tuple(picture[round((5.2 - y) * SCALE), round((x + 5.2) * SCALE)].tolist())


def test_x_goes_right_and_y_up() -> None:
    view = MapView(room(box(2, 3, 0.5, 0.5)))
    picture = view.now([], Pose(-4, 0, 0))
    assert picture.shape == (640, 640, 3)
    wall = at(picture, 5.1, 0)
    assert at(picture, 2, 3) == wall
    assert at(picture, 2, -3) != wall


def test_robot_people_and_hits_are_there() -> None:
    world = room(walkers=(person(((0, 0), (1, 0))),))
    episode = Episode(
        0, "rooms", False, 1, 2.0, 8.0, 4.0,
        track=[(-4, 0, 0), (-2, 0, 0)], hits=[(-2, 2)], people=[[(0, 2)], [(1, 2)]],
    )  # fmt: skip
    view = MapView(world)
    empty, drawn = view.now([], Pose(4, 4, 0)), view.whole(episode)
    for place in ((-3, 0), (-2, 0.1), (0.5, 2), (-2, 2.2)):
        assert at(drawn, *place) != at(empty, *place), place
