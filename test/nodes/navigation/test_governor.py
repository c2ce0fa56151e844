"""Every reason to stop, and that a robot gets going again."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from vit_perception.nodes.navigation.goal import Goal, Sight
from vit_perception.nodes.navigation.governor import Governor, Stop
from vit_perception.nodes.navigation.scan import scan_of_model
from vit_perception.nodes.navigation.settings import NavigationSettings
from vit_perception.nodes.navigation.velocity import STANDSTILL
from vit_perception.runtime.planar import ORIGIN, Pose
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
    """A governor that has driven for so many frames. The robot gets on, or stays, whatever it is told."""

    def __init__(self, sees=True, frames=20, **changes):
        self.sees, self.gets_on, self.pose = sees, True, ORIGIN
        self.settings = dataclasses.replace(SETTINGS, **changes)
        self.governor = Governor()
        self.now = 100.0
        for _ in range(frames):
            self.last = self.frame()

    def frame(self, found=FREE, sight=GOAL, lost=False, age=0.05):
        self.now += 0.1
        if self.gets_on:
            self.pose = Pose(0.05 * (self.now - 100.0) / 0.1, 0.0, 0.0)
        if sight is not None:
            sight = dataclasses.replace(sight, pose=self.pose)
        # As if depth had measured it.
        scan = dataclasses.replace(scan_of_model(found), measured=True) if self.sees else None
        self.last = self.governor.decide(found, scan, sight, lost, age, self.now, self.settings)
        return self.last


def test_without_a_scan_it_follows_the_path_smoothly_to_the_left():
    drive = Drive(sees=False)
    assert drive.last.stop is None
    assert drive.last.velocity.speed == pytest.approx(SETTINGS.max_speed)
    assert drive.last.velocity.turn > 0
    first = Governor()
    speeds = [first.decide(FREE, None, GOAL, False, 0.0, 0.1 * i, SETTINGS).velocity.speed for i in range(12)]
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


def test_with_a_scan_it_goes_to_the_goal():
    found = Drive().last.velocity
    assert (found.speed, found.turn) == pytest.approx((SETTINGS.max_speed, 0.0))


def test_it_stands_before_a_wall_and_then_looks_around():
    drive, wall = Drive(frames=0), changed(scan=np.full(32, 0.3, np.float32))
    drive.gets_on = False
    found = [drive.frame(**wall).velocity for _ in range(50)]
    assert [velocity.speed for velocity in found] == pytest.approx([0.0] * 50)
    assert found[-1].turn == pytest.approx(0.5 * SETTINGS.max_turn), "nobody has seen what is behind it"


def test_it_waits_longer_for_somebody_who_comes_and_does_not_back_up():
    drive, somebody = Drive(), changed(scan=np.full(32, 0.3, np.float32))
    drive.gets_on = False
    speeds = [drive.frame(**somebody).velocity.speed for _ in range(130)]
    assert speeds[11:75] == pytest.approx([0.0] * 64)
    assert min(speeds) == pytest.approx(-0.2), "who stays is a thing"


def test_a_goal_of_another_frame_has_a_map_of_its_own():
    drive = Drive()
    drive.gets_on = False
    for _ in range(10):
        drive.frame(**changed(scan=np.full(32, 0.5, np.float32)))
    elsewhere = Sight(Goal("map", (9.0, 0.0, 0.0)), 4.0, 0.0)
    assert max(drive.frame(sight=elsewhere).velocity.speed for _ in range(10)) > 0.3


def test_after_a_pause_between_frames_it_starts_anew():
    drive = Drive()
    drive.now += 60
    found = drive.frame()
    assert found.stop is None
    assert found.velocity.speed <= SETTINGS.max_acceleration * 0.2 + 1e-9


def test_a_threshold_of_one_stops_at_certainty_alone():
    assert Drive(collision_threshold=1.0).frame(**changed(collision=0.99)).stop is None
