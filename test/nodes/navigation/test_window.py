"""Of all velocities, the one that touches nothing and gets on best."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from vit_perception.nodes.navigation.settings import NavigationSettings
from vit_perception.nodes.navigation.velocity import STANDSTILL, Velocity
from vit_perception.nodes.navigation.window import best
from vit_perception.runtime.planar import ORIGIN, Pose, ways

LIMITS = NavigationSettings()
AHEAD = Velocity(0.5, 0.0)
NOTHING = np.zeros((0, 2))
# A wall across the way.
WALL = np.stack((np.full(81, 0.6), np.linspace(-2, 2, 81)), axis=1)


def choose(
    goal, things=NOTHING, last=AHEAD, pose=ORIGIN, unseen=lambda places: False, limits=LIMITS, reach=0
):
    """The velocity where the straight way is the cheapest, among things that reach so far around."""
    return best(
        lambda places: np.hypot(*(places - goal).T),
        lambda places: np.full(len(places), False) | unseen(places),
        pose,
        last,
        np.column_stack((things, np.full(len(things), reach))),
        limits,
        limits.max_speed,
    )


def driven(velocity, last):
    acceleration = LIMITS.max_acceleration, LIMITS.max_turn_acceleration
    command = np.array([(velocity.speed, velocity.turn)])
    return ways(command, (last.speed, last.turn), acceleration, 1.6, 80)[0][0]


def test_what_is_free_is_driven_straight_at_full_speed():
    assert choose((5.0, 0.0)) == AHEAD
    assert choose((5.0, 0.0), np.array([(0.5, 1.0)])) == AHEAD
    assert choose((0.0, 5.0), pose=Pose(0.0, 0.0, np.pi / 2)) == AHEAD, "in the frame of the costs"


@pytest.mark.parametrize("things", [WALL, np.array([(0.7, 0.1)]), np.array([(0.5, -0.2)])])
@pytest.mark.parametrize("last", [STANDSTILL, Velocity(0.2, 0.0)])
def test_nothing_that_stands_in_the_way_is_touched(things, last):
    def gap(velocity):
        return np.hypot(*(driven(velocity, last)[:, None] - things).transpose(2, 0, 1)).min()

    assert gap(choose((5.0, 0.0), things, last)) > LIMITS.robot_radius
    assert gap(AHEAD) < LIMITS.robot_radius


def test_nothing_comes_within_the_reach_of_somebody():
    shin = np.array([(0.7, 0.46)])
    assert choose((5.0, 0.0), shin) == AHEAD
    found = driven(choose((5.0, 0.0), shin, reach=0.2), AHEAD)
    assert np.hypot(*(found - shin).T).min() > LIMITS.robot_radius + 0.2


def test_who_is_within_the_reach_of_somebody_gets_away_and_touches_nothing_else():
    somebody = np.vstack((WALL, (-0.2, 0.1))), np.repeat((0.0, 0.2), (len(WALL), 1))
    found = driven(choose((5.0, 0.0), somebody[0], STANDSTILL, reach=somebody[1]), STANDSTILL)
    assert found[-1, 0] > 0.1
    assert np.hypot(*(found[:, None] - WALL).transpose(2, 0, 1)).min() > LIMITS.robot_radius


@pytest.mark.parametrize(("goal", "side"), [((-3.0, 0.5), 1), ((-3.0, -0.5), -1)])
def test_it_turns_on_the_spot_to_what_is_behind_it(goal, side):
    found = choose(goal, last=STANDSTILL)
    assert found.speed == 0
    assert found.turn * side > 0


def test_a_robot_that_may_not_turn_on_the_spot_does_not():
    limits = NavigationSettings(turn_in_place=False)
    found = choose((0.0, 2.0), last=STANDSTILL, limits=limits)
    assert found.turn > 0
    assert found.speed > 0
    assert choose((5.0, 0.0), WALL, STANDSTILL, limits=limits).turn == 0


def test_what_touches_already_can_be_left():
    assert choose((5.0, 0.0), np.array([(-0.2, 0.0)]), STANDSTILL).speed > 0


def test_it_turns_to_look_before_it_goes_where_nobody_has_looked():
    aside = (1.0, 1.0)
    assert choose(aside, last=STANDSTILL).speed > 0
    found = choose(aside, last=STANDSTILL, unseen=lambda places: np.hypot(*places.T) > 0.3)
    assert found.speed == 0
    assert found.turn > 0


def test_it_keeps_away_from_what_nobody_has_looked_at_beside_it():
    unseen_left = choose((5.0, 0.0), last=STANDSTILL, unseen=lambda places: places[:, 1] > 0.1)
    assert unseen_left.turn < 0
    assert choose((5.0, 0.0), last=STANDSTILL).turn == 0
