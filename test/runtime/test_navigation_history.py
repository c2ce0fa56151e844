"""The history of a frame is as old as in training, whatever the rate of the camera."""

from __future__ import annotations

import numpy as np
import pytest

from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.runtime.navigation_history import NavigationHistory

CONFIG = NavigationConfig(history=3, interval=0.2, width=4)


def ages(history, seconds):
    """Of the tokens that a frame of that time gets; a token here is the time of its frame."""
    return [
        None if token is None else round(seconds - float(token[0]), 3) for token in history.before(seconds)
    ]


def seen(*times):
    history = NavigationHistory(CONFIG)
    for time in times:
        history.add(time, np.full(4, time))
    return history


@pytest.mark.parametrize("rate", [5, 10, 20, 50])
def test_at_any_rate(rate):
    times = [frame / rate for frame in range(3 * rate)]
    assert ages(seen(*times), 3.0) == [0.6, 0.4, 0.2]


def test_a_slow_camera_has_gaps():
    assert ages(seen(0.0, 0.4, 0.8), 1.2) == [None, 0.4, None]


def test_the_first_frames_and_a_pause():
    assert ages(seen(), 0.0) == [None, None, None]
    assert ages(seen(0.0), 0.2) == [None, None, 0.2]
    assert ages(seen(0.0, 0.2, 0.4), 5.0) == [None, None, None]


def test_time_that_goes_back_forgets_everything():
    history = seen(8.0, 8.2, 8.4)
    history.add(0.0, np.zeros(4))
    assert ages(history, 8.6) == [None, None, None]
    assert ages(history, 0.2) == [None, None, 0.2]
    history.clear()
    assert ages(history, 0.2) == [None, None, None]


def test_it_keeps_no_more_than_it_needs():
    history = seen(*(frame / 100 for frame in range(1000)))
    assert len(history._kept) <= 81


def test_without_a_history_there_is_none():
    history = NavigationHistory(NavigationConfig(history=0))
    history.add(0.0, np.zeros(4))
    assert history.before(0.2) == ()


def test_another_goal_forgets_everything():
    history = seen(0.0, 0.2)
    history.towards((1.0, 2.0, 0.0))
    assert ages(history, 0.4) == [None, 0.4, 0.2], "before the first goal, there was none to mistake for it"
    history.towards((1.0, 2.0, 0.0))
    assert ages(history, 0.4) == [None, 0.4, 0.2]
    history.towards((1.0, 2.5, 0.0))
    assert ages(history, 0.4) == [None, None, None]
