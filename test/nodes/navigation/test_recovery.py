"""A robot that does not get on backs up, or looks around, and learns what has held it."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from vit_perception.nodes.navigation.local_map import LocalMap
from vit_perception.nodes.navigation.recovery import Recovery
from vit_perception.nodes.navigation.scan import Scan
from vit_perception.nodes.navigation.settings import NavigationSettings
from vit_perception.nodes.navigation.velocity import STANDSTILL, Velocity
from vit_perception.runtime.planar import ORIGIN, Pose

LIMITS = NavigationSettings()
AHEAD, BACK, SPIN = Velocity(0.5, 0.0), Velocity(-0.2, 0.0), Velocity(0.0, 0.5 * LIMITS.max_turn)
ANGLES = np.radians(np.arange(-60, 61))


def looked_around():
    """Nothing within four metres."""
    ground = LocalMap(ORIGIN)
    for yaw in np.radians((0, 90, 180, 270)):
        ground.see(Scan(ANGLES, np.full(len(ANGLES), np.inf), 4.0, measured=True), Pose(0.0, 0.0, yaw), 0.0)
    return ground


def stay(recovery, ground, last, seconds, start=0.0):
    """What it says, ten times a second, to a robot that does not move."""
    steps = range(round(seconds * 10))
    return [recovery.lead(last, ORIGIN, start + step / 10, ground, LIMITS) for step in steps]


def test_a_robot_that_gets_on_is_left_alone():
    recovery, ground = Recovery(), looked_around()
    for step in range(100):
        pose = Pose(0.05 * step, 0.0, 0.0)
        assert recovery.lead(AHEAD, pose, step / 10, ground, LIMITS) is None


def test_what_holds_it_though_it_is_told_to_drive_was_not_seen():
    recovery, ground = Recovery(), looked_around()
    found = stay(recovery, ground, AHEAD, 2.0)
    assert found[:15] == [None] * 15
    assert found[-1] == BACK
    assert (ground.around(ORIGIN, 1.0)[:, 0] > 0.2).all()
    assert len(ground.around(ORIGIN, 1.0)) > 2
    away = Pose(-0.3, 0.0, 0.0)
    assert recovery.lead(Velocity(-0.2), away, 2.1, ground, LIMITS) is None, "it is away"


def test_who_finds_no_way_twice_looks_anew():
    recovery, ground = Recovery(), looked_around()
    ground.touch(ORIGIN, LIMITS.robot_radius)
    found = stay(recovery, ground, STANDSTILL, 5.0)
    assert found[:40] == [None] * 40
    assert found[-1] == BACK
    assert len(ground.around(ORIGIN, 1.0)) > 2
    stay(recovery, ground, STANDSTILL, 8.0, start=5.0)
    assert len(ground.around(ORIGIN, 1.0)) == 0


def test_it_does_not_back_up_into_what_it_knows_but_looks_around():
    recovery, ground = Recovery(), looked_around()
    ground.touch(Pose(0.0, 0.0, 3.14159), LIMITS.robot_radius)
    found = stay(recovery, ground, AHEAD, 3.5)
    assert found[:15] == [None] * 15
    assert set(found[16:]) == {SPIN}
    assert stay(recovery, ground, AHEAD, 0.3, start=3.6)[-1] is None, "two seconds are enough"


def test_it_does_not_back_up_where_nobody_has_looked():
    ground = LocalMap(ORIGIN)
    ground.see(Scan(ANGLES, np.full(len(ANGLES), np.inf), 4.0, measured=True), ORIGIN, 0.0)
    assert stay(Recovery(), ground, AHEAD, 2.0)[-1] == SPIN


def test_it_does_not_back_up_into_the_reach_of_somebody():
    angles = np.radians(np.arange(-40, 41))
    back, far = Pose(0.0, 0.35, np.pi), np.full(81, np.inf)
    for reach, found in ((0.0, [BACK]), (0.2, [SPIN])):
        recovery, ground = Recovery(), looked_around()
        for step in range(3 if reach else 0):
            ground.see(Scan(angles, far, 4.0, measured=True), Pose(0.6, 0.35, np.pi), 0.1 * step)
        ground.see(Scan(angles, np.where(np.abs(angles) < 0.01, 0.3, far), 4.0, measured=True), back, 1.0)
        assert ground.around(ORIGIN, 1.0) == pytest.approx(np.array([(-0.3, 0.35, reach)]), abs=0.01)
        assert stay(recovery, ground, AHEAD, 2.0)[-1:] == found


def test_a_robot_that_stands_for_a_reason_is_not_stuck():
    recovery, ground = Recovery(), looked_around()
    for second in range(6):
        assert stay(recovery, ground, STANDSTILL, 1.0, start=second) == [None] * 10
        recovery.forget()
