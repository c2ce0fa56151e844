"""Frames in frames: against turns by hand, over time, and with what is missing or too old."""

import math

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from vit_perception.nodes.navigation.transforms import FrameError, Transform, TransformBuffer

QUARTER = math.pi / 2
# As ROS's optical frame stands in a camera that looks ahead: x right, y down, z ahead (REP 103).
OPTICAL = Transform((0.1, 0.0, 0.3), (-0.5, 0.5, -0.5, 0.5))


def test_a_quarter_turn_to_the_left():
    there = Transform.planar(2.0, 1.0, QUARTER)
    np.testing.assert_allclose(there.apply((1.0, 0.0, 0.5)), (2.0, 2.0, 0.5), atol=1e-9)
    np.testing.assert_allclose(there.inverse().apply((2.0, 2.0, 0.5)), (1.0, 0.0, 0.5), atol=1e-9)


def test_what_is_ahead_in_the_optical_frame_is_ahead_of_the_robot():
    np.testing.assert_allclose(OPTICAL.apply((0.0, 0.0, 2.0)), (2.1, 0.0, 0.3), atol=1e-9)
    np.testing.assert_allclose(OPTICAL.apply((1.0, 0.0, 0.0)), (0.1, -1.0, 0.3), atol=1e-9)


def test_one_after_the_other():
    both = Transform.planar(1.0, 0.0, QUARTER) @ OPTICAL
    for point in np.eye(3):
        expected = Transform.planar(1.0, 0.0, QUARTER).apply(OPTICAL.apply(point))
        np.testing.assert_allclose(both.apply(point), expected, atol=1e-9)


def test_half_way_is_the_shorter_way():
    one = Transform.planar(0.0, 0.0, math.radians(170))
    other = Transform.planar(2.0, 0.0, math.radians(-170))
    other = Transform(other.translation, -other.rotation)
    np.testing.assert_allclose(one.towards(other, 0.5).apply((1.0, 0.0, 0.0)), (0.0, 0.0, 0.0), atol=1e-9)


@pytest.mark.parametrize(
    ("place", "turn"),
    [((math.nan, 0, 0), (0, 0, 0, 1)), ((0, 0, 0), (0, 0, 0, 0)), ((0, 0, 0), (0, 0, math.inf, 1))],
)
def test_what_is_no_transform(place, turn):
    with pytest.raises(ValueError, match="no position and quaternion"):
        Transform(place, turn)


@pytest.fixture
def buffer():
    """map → odom → base_link → camera; the robot drives along x of odom, a metre a second."""
    buffer = TransformBuffer()
    buffer.put("map", "odom", 0.0, Transform.planar(10.0, 0.0, QUARTER))
    buffer.put("map", "odom", 2.0, Transform.planar(10.0, 0.0, QUARTER))
    for seconds in (0.0, 1.0, 2.0):
        buffer.put("odom", "/base_link", seconds, Transform.planar(seconds, 0.0, 0.0))
    buffer.put("base_link", "camera", None, OPTICAL)
    return buffer


def test_through_the_tree_in_both_directions(buffer):
    np.testing.assert_allclose(
        buffer.lookup("map", "camera", 1.0, 1.0).apply((0.0, 0.0, 2.0)), (10.0, 3.1, 0.3), atol=1e-9
    )
    np.testing.assert_allclose(
        buffer.lookup("/camera", "map", 1.0, 1.0).apply((10.0, 3.1, 0.3)), (0.0, 0.0, 2.0), atol=1e-9
    )


def test_between_two_times_and_a_little_after_the_last(buffer):
    assert buffer.lookup("odom", "base_link", 1.25, 0.5).translation[0] == pytest.approx(1.25)
    assert buffer.lookup("odom", "base_link", 2.3, 0.5).translation[0] == 2.0
    assert buffer.lookup("odom", "base_link", -0.3, 0.5).translation[0] == 0.0


@pytest.mark.parametrize("seconds", [2.6, -0.6])
def test_too_far_from_any_known_time(buffer, seconds):
    with pytest.raises(FrameError, match=r"where base_link is in odom is 0\.6 s away"):
        buffer.lookup("odom", "base_link", seconds, 0.5)


def test_in_a_gap(buffer):
    with pytest.raises(FrameError, match=r"0\.5 s away"):
        buffer.lookup("odom", "base_link", 0.5, 0.4)


def test_frames_that_nothing_connects(buffer):
    with pytest.raises(FrameError, match="no transform connects base_link with earth"):
        buffer.lookup("earth", "base_link", 1.0, 1.0)


def test_times_out_of_order(buffer):
    buffer.put("odom", "base_link", 0.5, Transform.planar(7.0, 0.0, 0.0))
    assert buffer.lookup("odom", "base_link", 0.75, 0.5).translation[0] == pytest.approx(4.0)


def test_a_gap_is_not_bridged(buffer):
    buffer.put("odom", "base_link", 9.0, Transform.planar(9.0, 0.0, 0.0))
    assert buffer.lookup("odom", "base_link", 2.25, 0.5).translation[0] == 2.0
    assert buffer.lookup("odom", "base_link", 8.9, 0.5).translation[0] == 9.0


def test_old_times_are_forgotten(buffer):
    buffer.put("odom", "base_link", 20.0, Transform())
    with pytest.raises(FrameError, match="away"):
        buffer.lookup("odom", "base_link", 2.0, 0.5)


def test_a_straggler_of_before_time_went_back_does_not_hide_what_comes(buffer):
    buffer.put("odom", "base_link", 100.0, Transform())
    buffer.put("odom", "base_link", 0.1, Transform.planar(3.0, 0.0, 0.0))
    assert buffer.lookup("odom", "base_link", 0.2, 0.5).translation[0] == 3.0


def test_time_goes_back(buffer):
    buffer.forget_after(1.0)
    assert buffer.lookup("odom", "base_link", 1.2, 0.5).translation[0] == 1.0
    assert buffer.lookup("base_link", "camera", 1.2, 0.5).translation[0] == 0.1
    buffer.forget_after(-1.0)
    with pytest.raises(FrameError, match="where base_link is in odom is not known any more"):
        buffer.lookup("odom", "base_link", 0.0, 0.5)


def test_a_frame_moves_to_another_parent(buffer):
    buffer.put("elevator", "base_link", 1.0, Transform.planar(0.0, 3.0, 0.0))
    assert buffer.lookup("elevator", "base_link", 1.0, 0.1).translation[1] == 3.0
    with pytest.raises(FrameError, match="no transform connects"):
        buffer.lookup("odom", "base_link", 1.0, 0.1)


def test_frames_in_a_circle_end_the_search():
    buffer = TransformBuffer()
    buffer.put("one", "other", None, Transform())
    buffer.put("other", "one", None, Transform())
    with pytest.raises(FrameError, match="no transform connects"):
        buffer.lookup("one", "third", 0.0, 1.0)
    with pytest.raises(ValueError, match="within itself"):
        buffer.put("one", "/one", None, Transform())


def test_what_moves_with_what(buffer):
    assert buffer.is_within("camera", "base_link")
    assert buffer.is_within("base_link", "base_link")
    assert not buffer.is_within("map", "base_link")
