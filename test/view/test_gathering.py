"""Which frame is shown: the newest whose results are there."""

import time

import pytest

from vit_perception.view import gathering
from vit_perception.view.gathering import Gathering, Message

IMAGE, BOXES, MASK = (Message(kind, b"123") for kind in ("image", "boxes", "mask"))
BOTH = ("detections", "segmentation/mask")


@pytest.fixture
def clock(monkeypatch):
    """Monotonic seconds that a test sets."""
    now = [1000.0]
    monkeypatch.setattr(gathering.time, "monotonic", lambda: now[0])
    return now


def test_the_newest_with_all_results(clock):
    frames = Gathering("/front")
    for stamp in (10, 20, 30):
        frames.add("image", stamp, IMAGE)
    assert frames.newest(BOTH, 0).stamp_ns == 30  # nobody answers yet
    for stamp in (10, 20, 30):
        frames.add("detections", stamp, BOXES)
    for stamp in (10, 20):
        frames.add("segmentation/mask", stamp, MASK)
    scene = frames.newest(BOTH, 0)
    assert (scene.camera, scene.stamp_ns) == ("/front", 20)
    assert scene.layers == {"detections": BOXES, "segmentation/mask": MASK}
    assert frames.newest(BOTH, 20) is None  # 30 waits for its mask
    assert frames.newest(["detections"], 20).stamp_ns == 30


def test_a_slow_node_is_waited_for_and_a_silent_one_is_not(clock):
    frames = Gathering("")
    for stamp in (1, 2):
        clock[0] += 2.0
        frames.add("image", stamp, IMAGE)
        frames.add("detections", stamp, BOXES)
    frames.add("image", 3, IMAGE)
    clock[0] += 5.0
    assert frames.newest(["detections"], 2) is None
    clock[0] += 2.0  # three times its interval
    assert frames.newest(["detections"], 2).stamp_ns == 3


def test_two_nodes_that_drop_different_frames(clock):
    frames = Gathering("")
    for stamp in (1, 2, 3):
        frames.add("image", stamp, IMAGE)
    frames.add("detections", 1, BOXES)
    frames.add("segmentation/mask", 2, MASK)
    assert frames.newest(BOTH, 0) is None
    clock[0] += 0.9
    for stamp, layer in ((1, "detections"), (2, "segmentation/mask")):
        frames.add(layer, stamp, BOXES)
    clock[0] += 0.9
    for stamp, layer in ((1, "detections"), (2, "segmentation/mask")):
        frames.add(layer, stamp, BOXES)
    clock[0] += 0.9
    assert frames.newest(BOTH, 0).stamp_ns == 2


def test_a_recording_in_a_loop_begins_anew(clock):
    frames = Gathering("")
    frames.add("image", 900, IMAGE)
    assert frames.newest([], 0).stamp_ns == 900
    frames.add("image", 100, IMAGE)
    assert frames.newest([], 900).stamp_ns == 100


def test_memory_is_bounded(clock):
    frames = Gathering("")
    large = Message("image", bytes(10_000_000))
    for stamp in range(1, 20):
        frames.add("image", stamp, large)
    assert len(frames._frames) == 6
    assert frames.newest([], 0).stamp_ns == 19


def test_rates_and_ages(clock):
    frames = Gathering("")
    for _ in range(10):
        clock[0] += 0.2
        frames.add("detections", time.time_ns() - 30_000_000, BOXES)
    found = frames.arrivals()["detections"]
    assert found["hz"] == pytest.approx(5.0)
    assert 30 <= found["age_ms"] < 1000
    clock[0] += 10
    assert frames.arrivals() == {}
