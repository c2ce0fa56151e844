"""Frames that never arrived, estimated from the stamps of those that did."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from vit_perception.nodes.lost_frames import LostFrames


def lost(stamps):
    frames = LostFrames()
    return sum(map(frames.observe, stamps))


def camera(frames, hz=30.0, jitter=0.003):
    """Stamps of a camera that is not quite punctual."""
    rng = np.random.default_rng(0)
    return 1.7e9 + np.arange(frames) / hz + rng.uniform(-jitter, jitter, frames)


def test_none_of_a_camera_whose_frames_all_arrive():
    assert lost(camera(1000)) == 0


def test_those_between_two_that_arrived():
    stamps = np.delete(camera(300), [100, 150, 151, 152, 200, 201])
    assert lost(stamps) == 6


def test_a_third_of_all():
    rng = np.random.default_rng(1)
    arrived = rng.random(3000) > 1 / 3
    assert lost(camera(3000)[arrived]) == pytest.approx(1000, rel=0.05)


def test_a_pause_and_a_clock_that_is_set_are_no_loss():
    stamps = np.concatenate([camera(100), camera(100) + 60, camera(100) - 3600, camera(100) + 1e9])
    assert lost(stamps) == 0


def test_frames_without_stamps_say_nothing():
    assert lost(np.zeros(100)) == 0


def test_a_camera_that_becomes_slower_is_believed_after_a_second():
    fast, slow = camera(300, 30), camera(300, 10)
    assert lost(np.concatenate([fast, slow - slow[0] + fast[-1] + 0.1])) < 60


def test_stamps_in_bursts_say_nothing():
    """Of a driver that stamps when it is scheduled: nothing for up to half a second, then all at once."""
    rng = np.random.default_rng(2)
    due, now, stamps = 1.7e9, 1.7e9, []
    for _ in range(1000):
        due += 0.1
        now = max(due, now + rng.uniform(0.0005, 0.003)) + rng.uniform(0, 0.5) * (rng.random() < 0.3)
        stamps.append(now)
    assert lost(stamps) < 20
