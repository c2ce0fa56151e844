"""What a robot has seen stays where it is, fades, and goes when it is looked through."""

import dataclasses
import math

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from vit_perception.nodes.navigation.local_map import LocalMap
from vit_perception.nodes.navigation.scan import Scan
from vit_perception.runtime.planar import ORIGIN, Pose

ANGLES = np.radians(np.arange(-40, 41))


def scan(**at):
    """Nothing within four metres, but for thin things at angles in degrees, such as `at_10`."""
    found = np.full(len(ANGLES), np.inf)
    for name, metres in at.items():
        found[np.abs(np.degrees(ANGLES) - float(name[3:])).argmin()] = metres
    return Scan(ANGLES, found, 4.0, measured=True)


def test_a_thing_is_where_it_was_seen_to_the_centimetre():
    ground = LocalMap(ORIGIN)
    ground.see(scan(at_10=1.03), ORIGIN, 0.0)
    (there,) = ground.around(ORIGIN, 2.0)
    turn = math.radians(10)
    assert there == pytest.approx((1.03 * math.cos(turn), 1.03 * math.sin(turn), 0), abs=0.005)
    # A metre on and a turn to the left later, it is to the right.
    (beside,) = ground.around(Pose(1.0, 0.0, math.pi / 2), 2.0)
    assert beside == pytest.approx((1.03 * math.sin(turn), 1 - 1.03 * math.cos(turn), 0), abs=0.005)


def test_what_is_looked_through_has_gone():
    ground = LocalMap(ORIGIN)
    for step in range(3):
        ground.see(scan(at_0=1.5), ORIGIN, 0.1 * step)
    ground.see(scan(), ORIGIN, 0.3)
    assert len(ground.around(ORIGIN, 3.0)) == 1, "one look is noise"
    for step in range(3):
        ground.see(scan(), ORIGIN, 0.4 + 0.1 * step)
    assert len(ground.around(ORIGIN, 3.0)) == 0


@pytest.mark.parametrize(("tall", "left"), [(False, 1), (True, 0)])
def test_the_camera_looks_over_what_is_near_and_low(tall, left):
    ground = LocalMap(ORIGIN)
    ground.see(dataclasses.replace(scan(at_0=0.6), tall=np.full(len(ANGLES), tall)), ORIGIN, 0.0)
    for step in range(9):
        ground.see(scan(), ORIGIN, 0.1 * step)
    assert len(ground.around(ORIGIN, 3.0)) == left


def test_what_a_picture_puts_at_a_free_place_has_not_come_there():
    """It is wrong now and then, and a robot would wait for nobody."""
    ground = LocalMap(ORIGIN)
    for step in range(5):
        ground.see(scan(), ORIGIN, 0.1 * step)
    guess = dataclasses.replace(scan(at_0=1.5), measured=False)
    ground.see(guess, ORIGIN, 1.0)
    assert (ground.standing.sum(), ground.passing.sum()) == (1, 0)


def test_where_nothing_is_known_nothing_changes():
    ground = LocalMap(ORIGIN)
    ground.see(scan(at_0=1.5), ORIGIN, 0.0)
    ground.see(Scan(ANGLES, np.full(len(ANGLES), np.nan), 4.0), ORIGIN, 0.1)
    assert len(ground.around(ORIGIN, 3.0)) == 1
    assert LocalMap(ORIGIN).unknown.all()


def test_what_comes_to_a_free_place_may_go_on_and_what_has_always_stood_there_stays():
    ground = LocalMap(ORIGIN)
    for step in range(5):
        ground.see(scan(at_30=1.5), ORIGIN, 0.1 * step)
    assert ground.standing.sum() == 1
    assert not ground.somebody_passes(ORIGIN, 3.0)
    ground.see(scan(at_30=1.5, at_0=1.5), ORIGIN, 1.0)
    assert (ground.standing.sum(), ground.passing.sum()) == (1, 1)
    assert ground.somebody_passes(ORIGIN, 3.0)
    assert not ground.somebody_passes(ORIGIN, 1.0)
    # A low camera sees the shins of somebody, who is wider.
    assert sorted(ground.around(ORIGIN, 3.0)[:, 1:].tolist()) == [
        pytest.approx((0.0, 0.2), abs=0.01),
        pytest.approx((0.75, 0.0), abs=0.01),
    ]
    # Turned away, it is not seen to go.
    for step in range(30):
        ground.see(scan(), Pose(0.0, 0.0, math.pi), 2.0 + step / 10)
    (there,) = ground.around(ORIGIN, 3.0)
    assert math.degrees(math.atan2(there[1], there[0])) == pytest.approx(30, abs=1)


def test_what_is_low_has_been_overlooked_and_has_not_come():
    """A bar on the ground shows from near alone; nobody is so low."""
    ground = LocalMap(ORIGIN)
    for step in range(5):
        ground.see(scan(), ORIGIN, 0.1 * step)
    low = dataclasses.replace(scan(at_0=1.0), tall=np.zeros(len(ANGLES), bool))
    for step in range(5):
        ground.see(low, ORIGIN, 1.0 + 0.1 * step)
    assert (ground.standing.sum(), ground.passing.sum()) == (1, 0)
    # Turned away, it is remembered for longer than somebody would be.
    ground.see(scan(), Pose(0.0, 0.0, math.pi), 9.0)
    assert ground.standing.sum() == 1


def test_what_has_been_seen_for_a_moment_is_forgotten_sooner():
    """It may have been somebody who walked into the picture and out of it."""
    ground = LocalMap(ORIGIN)
    ground.see(scan(at_10=1.5, at_0=1.5), ORIGIN, 0.0)
    for step in range(9):
        ground.see(scan(at_0=1.5), ORIGIN, 0.1 + 0.1 * step)
    ground.see(scan(), Pose(0.0, 0.0, math.pi), 9.0)
    (there,) = ground.around(ORIGIN, 3.0)
    assert there == pytest.approx((1.5, 0.0, 0.0), abs=0.01)


def test_somebody_who_stays_becomes_a_thing_that_stands():
    ground = LocalMap(ORIGIN)
    for step in range(5):
        ground.see(scan(), ORIGIN, 0.1 * step)
    for step in range(90):
        ground.see(scan(at_0=1.5), ORIGIN, 1.0 + 0.1 * step)
    assert (ground.standing.sum(), ground.passing.sum()) == (1, 0)


def test_after_a_pause_in_which_all_things_fade_nothing_is_known_to_be_free():
    """Or all that stands there would have come there."""
    ground = LocalMap(ORIGIN)
    for step in range(5):
        ground.see(scan(), ORIGIN, 0.1 * step)
    ground.see(scan(at_0=1.5), ORIGIN, 100.0)
    assert (ground.standing.sum(), ground.passing.sum()) == (1, 0)


def test_the_map_moves_with_the_robot():
    ground = LocalMap(ORIGIN)
    ground.see(scan(at_0=3.0), ORIGIN, 0.0)
    ground.see(scan(), Pose(6.0, 2.0, 0.0), 1.0)
    (there,) = ground.around(ORIGIN, 4.0)
    assert there == pytest.approx((3.0, 0.0, 0.0), abs=0.005)
    assert ground.places(ground.cells(np.array((6.3, 2.1)))) == pytest.approx((6.3, 2.1))
    ground.see(scan(), Pose(60.0, 2.0, 0.0), 2.0)
    assert not ground.standing.any()


def test_what_holds_a_robot_is_before_it_until_its_surroundings_are_forgotten():
    ground, pose = LocalMap(ORIGIN), Pose(1.0, 2.0, math.pi / 2)
    for step in range(9):
        ground.see(scan(), Pose(1.0, 1.0, math.pi / 2), 0.1 * step)
    ground.touch(pose, 0.25)
    found = ground.around(pose, 1.0)
    assert np.hypot(*found[:, :2].T) == pytest.approx(0.3, abs=0.01)
    assert (found[:, 0] > 0.2).all()
    assert not ground.somebody_passes(pose, 1.0), "it has not come there"
    ground.forget(pose, 0.5)
    assert len(ground.around(pose, 1.0)) == 0
