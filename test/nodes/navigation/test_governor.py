"""Every reason to stop, and that a robot gets going again."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from vit_perception.nodes.navigation.goal import Goal, Sight
from vit_perception.nodes.navigation.governor import Governor, Stop
from vit_perception.nodes.navigation.settings import NavigationSettings
from vit_perception.nodes.navigation.velocity import STANDSTILL
from vit_perception.runtime.results import Navigation

SETTINGS = NavigationSettings()
GOAL = Sight(Goal("odom", (4.0, 0.0, 0.0)), 4.0, 0.0)
ANGLES = np.linspace(0.7, -0.7, 32, dtype=np.float32)
LEFT = np.float32([(0.25 * i, 0.1 * i) for i in range(1, 9)])
FREE = Navigation(
    ("turn_left", "forward", "turn_right", "stop"),
    np.float32([0.2, 0.6, 0.1, 0.1]),
    collision=0.1,
    path=LEFT,
    scan=np.full(32, 6.0, np.float32),
    scan_angles=ANGLES,
)


class Drive:
    """A governor that has been driving for two seconds."""

    def __init__(self, **changes):
        self.settings = dataclasses.replace(SETTINGS, **changes)
        self.governor = Governor()
        self.now = 100.0
        for _ in range(20):
            self.last = self.frame()

    def frame(self, found=FREE, sight=GOAL, lost=False, age=0.05):
        self.now += 0.1
        self.last = self.governor.decide(found, sight, lost, age, self.now, self.settings)
        return self.last


def test_it_drives_smoothly_to_the_left():
    drive = Drive()
    assert drive.last.stop is None
    assert drive.last.velocity.speed == pytest.approx(SETTINGS.max_speed)
    assert drive.last.velocity.turn > 0
    first = Governor()
    speeds = [first.decide(FREE, GOAL, False, 0.0, 0.1 * i, SETTINGS).velocity.speed for i in range(12)]
    assert np.diff([0.0, *speeds]).max() <= SETTINGS.max_acceleration * 0.1 + 1e-9


def changed(**changes):
    return {"found": dataclasses.replace(FREE, **changes)}


@pytest.mark.parametrize(
    ("frame", "stop"),
    [
        ({"age": 0.6}, Stop.STALE),
        ({"age": -0.6}, Stop.AHEAD),
        ({"lost": True, "sight": None}, Stop.LOST),
        ({"sight": None}, Stop.NO_GOAL),
        ({"sight": Sight(GOAL.goal, 0.2, 0.0)}, Stop.REACHED),
        (changed(path=None), Stop.NO_PATH),
        (changed(path=np.full((8, 2), np.nan, np.float32)), Stop.NO_PATH),
        (changed(collision=0.5), Stop.COLLISION),
        (changed(collision=None), Stop.COLLISION),
        (changed(collision=float("nan")), Stop.COLLISION),
        (changed(action_scores=np.float32([0.2, 0.2, 0.1, 0.5])), Stop.WAIT),
    ],
)
def test_each_reason_stops_at_once_and_driving_goes_on_gently(frame, stop):
    drive = Drive()
    found = drive.frame(**frame)
    assert (found.velocity, found.stop) == (STANDSTILL, stop)
    if stop is not Stop.REACHED:
        again = drive.frame()
        assert again.stop is None
        assert 0 < again.velocity.speed <= SETTINGS.max_acceleration * 0.1 + 1e-9


def test_a_goal_once_reached_stays_reached():
    drive = Drive()
    drive.frame(sight=Sight(GOAL.goal, 0.2, 0.0))
    assert drive.frame().stop is Stop.REACHED
    assert drive.frame(sight=Sight(Goal("odom", (5.0, 0.0, 0.0)), 5.0, 0.0)).stop is None


def test_after_a_second_it_may_turn_away_from_what_it_stopped_for():
    drive = Drive()
    blocked = changed(collision=0.9)
    for _ in range(10):
        assert drive.frame(**blocked).velocity == STANDSTILL
    for _ in range(10):
        found = drive.frame(**blocked)
        assert found.stop is Stop.COLLISION
        assert found.velocity.speed == 0
    assert found.velocity.turn > 0
    assert drive.frame(age=0.6, **blocked).velocity == STANDSTILL


def test_a_robot_that_is_not_round_does_not():
    drive = Drive(turn_in_place=False)
    for _ in range(30):
        assert drive.frame(**changed(collision=0.9)).velocity == STANDSTILL


def test_it_slows_down_before_a_wall():
    drive = Drive()
    wall = changed(scan=np.full(32, 0.3, np.float32))
    for _ in range(20):
        drive.frame(**wall)
    assert drive.last.velocity.speed == 0


def test_after_a_pause_between_frames_it_starts_anew():
    drive = Drive()
    drive.now += 60
    found = drive.frame()
    assert found.stop is None
    assert found.velocity.speed <= SETTINGS.max_acceleration * 0.2 + 1e-9


def test_a_threshold_of_one_stops_at_certainty_alone():
    assert Drive(collision_threshold=1.0).frame(**changed(collision=0.99)).stop is None
