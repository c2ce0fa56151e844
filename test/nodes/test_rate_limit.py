"""Which frames of a camera a limited rate admits."""

import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from vit_perception.nodes.rate_limit import RateLimit


def admitted(limit, times):
    return [now for now in times if limit.admits(now)]


@pytest.mark.parametrize(
    ("camera", "limit", "expected"),
    [(10, 6, 6), (30, 10, 10), (30, 29, 29), (30, 30, 30), (30, 100, 30), (5, 10, 5), (30, 0, 30)],
)
def test_the_rate_on_average(camera, limit, expected):
    times = [index / camera for index in range(20 * camera)]
    assert len(admitted(RateLimit(limit), times)) == pytest.approx(20 * expected, abs=1)


def test_a_camera_as_fast_as_the_limit_loses_no_frame_to_its_jitter():
    times = [index / 30 + (0.006 if index % 2 else 0.0) for index in range(300)]
    assert admitted(RateLimit(30), times) == times


def test_a_pause_is_not_made_up_for():
    limit = RateLimit(1)
    assert admitted(limit, [0.0]) == [0.0]
    assert admitted(limit, [60.0, 60.1, 60.2, 61.0]) == [60.0, 61.0]
