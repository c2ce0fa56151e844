import threading

import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from vit_perception.nodes.frame_slot import FrameSlot, FrameWorker


def test_only_the_newest_frame_is_kept():
    slot = FrameSlot()
    assert not slot.put(1)
    assert slot.put(2), "1 was lost"
    assert slot.put(3), "2 was lost"
    assert slot.take() == [3]
    assert not slot.put(4)


def test_a_closed_slot_lets_everybody_go():
    slot = FrameSlot()
    taken = []
    thread = threading.Thread(target=lambda: taken.append(slot.take()))
    thread.start()
    slot.close()
    thread.join(10)
    assert taken == [[]]
    slot.put(1)
    assert slot.take() == []


def test_the_worker_does_every_frame_that_waits_for_it():
    slot, done, free = FrameSlot(), [], threading.Event()

    def work(frames):
        done.extend(frames)
        free.set()

    worker = FrameWorker(slot, work)
    for frame in range(5):
        free.clear()
        slot.put(frame)
        assert free.wait(10)
    worker.stop()
    assert done == [0, 1, 2, 3, 4]


def test_a_limited_rate_gives_the_newest_when_it_is_due():
    slot = FrameSlot()
    slot.put(0)
    assert slot.take() == [0]
    slot.limit_rate(0.01)
    slot.put(1)
    taken = []
    thread = threading.Thread(target=lambda: taken.append(slot.take()))
    thread.start()
    thread.join(0.2)
    assert thread.is_alive(), "100 seconds have not passed"
    slot.put(2)
    slot.limit_rate(0)
    thread.join(10)
    assert taken == [[2]]


def test_the_newest_of_each_camera_come_together_and_a_silent_one_holds_nobody_up():
    slot = FrameSlot()
    assert not slot.put("front 1", "front")
    assert not slot.put("rear 1", "rear"), "front 1 is not lost to another camera"
    assert slot.put("front 2", "front")
    assert slot.take() == ["front 2", "rear 1"]
    slot.put("rear 2", "rear")
    assert slot.take() == ["rear 2"]
