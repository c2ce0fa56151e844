"""Ids stay with objects that are missed, hidden or passed by, and while the camera turns."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from vit_perception.runtime.camera_model import CameraModel
from vit_perception.runtime.camera_turn import turned
from vit_perception.runtime.results import Detection
from vit_perception.runtime.tracking.tracker import PATIENCE, Tracker

LEAST = 0.3
CAMERA = CameraModel(300.0, 300.0, 159.5, 119.5, (240, 320))


def found(*centres: Sequence[float], score: float = 0.8, class_id: int = 0, side: float = 40.0) -> Detection:
    """Squares of `side` pixels around these places."""
    places = np.array(centres, np.float32).reshape(-1, 2)
    boxes = np.hstack([places - side / 2, places + side / 2])
    count = len(places)
    return Detection(boxes, np.full(count, class_id), np.full(count, score, np.float32))


def test_ids_are_counted_from_one() -> None:
    tracker = Tracker()
    assert tracker.update(found(), 0.0, LEAST).tolist() == []
    assert tracker.update(found((50, 50), (200, 50)), 0.1, LEAST).tolist() == [1, 2]
    assert tracker.update(found((201, 50), (51, 50), (120, 200)), 0.2, LEAST).tolist() == [2, 1, 3]


@pytest.mark.parametrize("period", [0.03, 0.1, 0.2])
def test_an_id_stays_while_its_object_walks_behind_something(period: float) -> None:
    """At 100 pixels a second, it comes out more than twice its width away from where it went in."""
    tracker = Tracker()
    for seconds in np.arange(0, 1, period).tolist():
        assert tracker.update(found((50 + 100 * seconds, 100)), seconds, LEAST).tolist() == [1]
    for seconds in np.arange(1, 1.9, period).tolist():
        tracker.update(found(), seconds, LEAST)
    assert tracker.update(found((50 + 100 * 1.9, 100)), 1.9, LEAST).tolist() == [1]


def test_who_does_not_come_back_is_forgotten() -> None:
    tracker = Tracker()
    for seconds in (0.0, 0.1):
        tracker.update(found((50, 50)), seconds, LEAST)
    tracker.update(found(), PATIENCE, LEAST)
    assert tracker.update(found((50, 50)), PATIENCE + 0.2, LEAST).tolist() == [2]


def test_what_was_seen_once_is_forgotten_earlier() -> None:
    tracker = Tracker()
    tracker.update(found((50, 50)), 0.0, LEAST)
    tracker.update(found(), 0.6, LEAST)
    assert tracker.update(found((50, 50)), 0.7, LEAST).tolist() == [2]


def test_two_who_pass_each_other_keep_their_ids() -> None:
    tracker = Tracker()
    for seconds in np.arange(0, 2, 0.1).tolist():
        one, other = (50 + 100 * seconds, 100), (250 - 100 * seconds, 110)
        assert tracker.update(found(one, other), seconds, LEAST).tolist() == [1, 2]


def test_a_faint_box_goes_on_with_an_object_and_begins_none() -> None:
    tracker = Tracker()
    assert tracker.update(found((50, 50), score=0.2), 0.0, LEAST).tolist() == [0]
    tracker.update(found((50, 50)), 0.1, LEAST)
    assert tracker.update(found((52, 50), (200, 50), score=0.2), 0.2, LEAST).tolist() == [1, 0]


def test_a_sure_box_finds_its_object_before_a_faint_one_that_lies_better() -> None:
    tracker = Tracker()
    tracker.update(found((50, 50)), 0.0, LEAST)
    two = found((50, 50), (56, 50))
    faint = Detection(two.boxes, two.class_ids, np.float32([0.2, 0.8]))
    assert tracker.update(faint, 0.1, LEAST).tolist() == [0, 1]


def test_another_class_is_another_object() -> None:
    tracker = Tracker()
    tracker.update(found((50, 50)), 0.0, LEAST)
    assert tracker.update(found((50, 50), class_id=1), 0.1, LEAST).tolist() == [2]


@pytest.mark.parametrize("compensated", [True, False])
def test_while_the_robot_turns_ids_stay_if_the_turn_is_known(compensated: bool) -> None:
    """Three things that stand turn through the picture by more than their size between two frames."""
    tracker, turn = Tracker(), 0.12
    bearings = np.array([0.3, 0.1, -0.1])
    ids = []
    for frame in range(4):
        places = [(159.5 + 300 * math.tan(frame * turn - bearing), 100.0) for bearing in bearings]
        motion = turned(CAMERA, turn) if compensated and frame else None
        ids.append(tracker.update(found(*places, side=20.0), 0.1 * frame, LEAST, motion).tolist())
    assert all(each == [1, 2, 3] for each in ids) is compensated


@pytest.mark.parametrize("seconds", [5.0, 40.0])
def test_after_a_jump_in_time_all_is_new(seconds: float) -> None:
    tracker = Tracker()
    for second in (10.0, 10.1):
        tracker.update(found((50, 50)), second, LEAST)
    assert tracker.update(found((50, 50)), seconds, LEAST).tolist() == [2]


def test_a_long_drive_costs_no_memory() -> None:
    rng = np.random.default_rng(0)
    tracker = Tracker()
    for frame in range(300):
        tracker.update(found(*rng.uniform(20, 300, (5, 2)).tolist()), 0.1 * frame, LEAST)
    assert len(tracker._ids) < 100
