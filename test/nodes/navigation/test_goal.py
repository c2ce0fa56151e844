"""Where the goal is, seen from the robot, by REP 103 and 105."""

import math

import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from vit_perception.nodes.navigation.goal import Goal, Sight, Whereabouts
from vit_perception.nodes.navigation.transforms import FrameError, Transform

QUARTER = math.pi / 2


def robot(x=0.0, y=0.0, yaw=0.0, seconds=1.0, child="base_link"):
    whereabouts = Whereabouts("base_link")
    whereabouts.move("odom", child, seconds, Transform.planar(x, y, yaw))
    return whereabouts


def sight(whereabouts, seconds=1.0):
    seen = whereabouts.sight(seconds, max_age=0.5)
    return None if seen is None else pytest.approx((seen.distance, seen.bearing), abs=1e-6)


@pytest.mark.parametrize(
    ("position", "distance", "bearing"),
    [
        ((3.0, 0.0, 0.0), 3.0, 0.0),
        ((0.0, 2.0, 0.0), 2.0, QUARTER),
        ((0.0, -2.0, 0.0), 2.0, -QUARTER),
        ((1.0, 1.0, 5.0), math.sqrt(2), math.pi / 4),
    ],
)
def test_left_is_positive(position, distance, bearing):
    whereabouts = robot()
    whereabouts.set_goal(Goal("odom", position))
    assert sight(whereabouts) == (distance, bearing)


def test_the_robot_has_moved_and_turned():
    whereabouts = robot(2.0, 1.0, QUARTER)
    whereabouts.set_goal(Goal("odom", (2.0, 4.0, 0.0)))
    assert sight(whereabouts) == (3.0, 0.0)
    whereabouts.move("odom", "base_link", 2.0, Transform.planar(2.0, 3.0, 0.0))
    assert sight(whereabouts, 2.0) == (1.0, QUARTER)
    assert sight(whereabouts, 1.5) == (2.0, math.pi / 4)


def test_a_goal_in_the_map():
    whereabouts = robot(1.0, 0.0)
    whereabouts.set_goal(Goal("map", (10.0, 5.0, 0.0)))
    assert whereabouts.needs_transforms
    with pytest.raises(FrameError, match="no transform connects map with base_link"):
        sight(whereabouts)
    whereabouts.connect("map", "odom", 1.0, Transform.planar(10.0, 0.0, QUARTER))
    assert sight(whereabouts) == (4.0, 0.0)
    # The localisation corrects itself: the goal stays where it is in the map.
    whereabouts.connect("map", "odom", 1.1, Transform.planar(10.0, 1.0, QUARTER))
    assert sight(whereabouts, 1.1) == (3.0, 0.0)


def test_a_goal_in_the_robot_s_frame_stays_where_that_was():
    whereabouts = robot(1.0, 0.0, QUARTER)
    whereabouts.set_goal(Goal("base_link", (2.0, 0.0, 0.0), 1.0))
    assert not whereabouts.needs_transforms
    assert sight(whereabouts) == (2.0, 0.0)
    whereabouts.move("odom", "base_link", 2.0, Transform.planar(1.0, 1.5, QUARTER))
    assert sight(whereabouts, 2.0) == (0.5, 0.0)


def test_a_goal_in_the_camera_s_frame():
    whereabouts = robot(seconds=5.0)
    whereabouts.connect("base_link", "camera", None, Transform((0.1, 0.0, 0.3), (-0.5, 0.5, -0.5, 0.5)))
    whereabouts.set_goal(Goal("camera", (0.0, 0.0, 2.0)))
    assert sight(whereabouts, 5.0) == (2.1, 0.0)


def test_odometry_of_another_frame_of_the_robot():
    whereabouts = robot(child="base_footprint")
    whereabouts.set_goal(Goal("odom", (2.0, 0.0, 0.0)))
    assert whereabouts.needs_transforms
    with pytest.raises(FrameError, match="connects odom with base_link"):
        sight(whereabouts)
    whereabouts.connect("base_footprint", "base_link", None, Transform.planar(0.0, 0.0, 0.0))
    assert sight(whereabouts) == (2.0, 0.0)


def test_odometry_wins_over_the_transform_of_another():
    whereabouts = robot()
    whereabouts.set_goal(Goal("odom", (2.0, 0.0, 0.0)))
    whereabouts.connect("odom", "base_link", 1.0, Transform.planar(1.0, 0.0, 0.0))
    assert sight(whereabouts) == (2.0, 0.0)


def test_old_odometry_loses_the_goal():
    whereabouts = robot(seconds=1.0)
    whereabouts.set_goal(Goal("odom", (2.0, 0.0, 0.0)))
    assert sight(whereabouts, 1.4) == (2.0, 0.0)
    with pytest.raises(FrameError, match=r"base_link is in odom is 2\.0 s away"):
        sight(whereabouts, 3.0)


def test_without_odometry_the_goal_is_lost_and_without_a_goal_nothing_is():
    whereabouts = Whereabouts("base_link")
    assert sight(whereabouts) is None
    whereabouts.set_goal(Goal("odom", (2.0, 0.0, 0.0)))
    with pytest.raises(FrameError, match="no odometry has come"):
        sight(whereabouts)


@pytest.mark.parametrize(("stamp", "kept"), [(0.5, True), (1.5, False), (0.0, False)])
def test_a_goal_of_before_time_went_back_is_forgotten(stamp, kept):
    whereabouts = robot()
    whereabouts.set_goal(Goal("odom", (2.0, 0.0, 0.0), stamp))
    whereabouts.forget_after(1.0)
    assert (whereabouts.goal is not None) == kept


def test_what_is_no_goal():
    with pytest.raises(ValueError, match="is no place"):
        Goal("map", (math.nan, 0.0, 0.0))
    with pytest.raises(ValueError, match="no frame_id"):
        Goal("", (1.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="lacks frame_id or child_frame_id"):
        Whereabouts("base_link").move("odom", "", 1.0, Transform())


def test_in_words():
    goal = Goal("odom", (1.0, 1.0, 0.0))
    assert Sight(goal, 1.41, math.pi / 4).words == "1.4 m, 45° to the left"
    assert Sight(goal, 1.41, -math.pi / 4).words == "1.4 m, 45° to the right"
