"""From a path to a velocity: signs and limits."""

import math

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from vit_perception.nodes.navigation.settings import NavigationSettings
from vit_perception.nodes.navigation.velocity import Velocity, braked, follow, ramp

LIMITS = NavigationSettings()


def path(angle, spacing=0.25):
    """Straight, so many radians to the left."""
    lengths = spacing * np.arange(1, 9)
    return np.stack([lengths * math.cos(angle), lengths * math.sin(angle)], 1).astype(np.float32)


def steer(angle, remaining=10.0, **changes):
    return follow(path(angle), remaining, NavigationSettings(**changes))


def test_straight_ahead_at_full_speed():
    assert steer(0.0) == Velocity(LIMITS.max_speed, 0.0)


@pytest.mark.parametrize("angle", [0.1, 0.5, 0.8, 1.5, 3.0])
def test_a_path_to_the_left_turns_left_and_its_mirror_right(angle):
    left, right = steer(angle), steer(-angle)
    assert left.turn > 0 > right.turn
    assert (left.speed, left.turn) == pytest.approx((right.speed, -right.turn))


@pytest.mark.parametrize("angle", [1.0, 3.0])
def test_what_is_aside_or_behind_is_turned_to_on_the_spot(angle):
    assert steer(angle) == Velocity(0.0, LIMITS.max_turn)
    assert steer(angle, turn_in_place=False).speed > 0


def test_it_comes_to_the_point_that_it_steers_for():
    """A circle through the origin, straight ahead there, and through the point 0.75 m away."""
    found = steer(0.5, max_turn=10.0)
    radius, (x, y) = found.speed / found.turn, path(0.5)[2]
    assert math.hypot(x, y - radius) == pytest.approx(radius, rel=1e-5)


@pytest.mark.parametrize("angle", np.linspace(-math.pi, math.pi, 17))
def test_never_above_the_limits(angle):
    found = steer(angle, max_speed=0.7, max_turn=0.3)
    assert 0 <= found.speed <= 0.7
    assert abs(found.turn) <= 0.3 + 1e-9


@pytest.mark.parametrize("room", [0.05, 0.1, 0.2])
def test_braking_begins_in_time(room):
    """At a speed from which the limit of acceleration stops within what is left."""
    assert steer(0.0, remaining=room).speed == braked(room, LIMITS)
    assert braked(room, LIMITS) ** 2 / (2 * LIMITS.max_acceleration) == pytest.approx(room)
    assert braked(-room, LIMITS) == 0


def test_a_path_that_ends_at_the_robot():
    found = follow(np.zeros((8, 2), np.float32), 0.1, LIMITS)
    assert found.turn == 0
    assert math.isfinite(found.speed)


def test_acceleration_in_steps():
    limits = NavigationSettings(max_acceleration=0.5, max_turn_acceleration=2.0)
    found = ramp(Velocity(0.5, -1.0), Velocity(), 0.1, limits)
    assert (found.speed, found.turn) == pytest.approx((0.05, -0.2))
    found = ramp(Velocity(0.0, 0.0), Velocity(0.5, 0.1), 0.1, limits)
    assert (found.speed, found.turn) == pytest.approx((0.45, 0.0))
