import threading

import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from vit_perception.nodes.frame_queue import Drop, FrameQueue, FrameWorker


def test_only_the_newest_frame_is_kept():
    queue = FrameQueue()
    assert queue.put(1) is None
    assert queue.put(2) is Drop.OVERTAKEN, "1 was lost"
    assert queue.put(3) is Drop.OVERTAKEN, "2 was lost"
    assert queue.take() == [3]
    assert queue.put(4) is None


def test_a_closed_slot_lets_everybody_go():
    queue = FrameQueue()
    taken = []
    thread = threading.Thread(target=lambda: taken.append(queue.take()))
    thread.start()
    queue.close()
    thread.join(10)
    assert taken == [[]]
    queue.put(1)
    assert queue.take() == []


def test_the_worker_does_every_frame_that_waits_for_it():
    queue, done, free = FrameQueue(), [], threading.Event()

    def work(frames):
        done.extend(frames)
        free.set()

    worker = FrameWorker(queue, work)
    for frame in range(5):
        free.clear()
        queue.put(frame)
        assert free.wait(10)
    worker.stop()
    assert done == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("error", [ValueError("no frame"), SystemExit(3)], ids=["an error", "an exit"])
def test_a_worker_that_dies_says_how_and_leaves_the_queue_to_another(error):
    queue, done, free = FrameQueue(), [], threading.Event()

    def die(frames):
        raise error

    def work(frames):
        done.extend(frames)
        free.set()

    queue.put("front", "front")
    queue.put("rear", "rear")
    worker = FrameWorker(queue, die)
    worker._thread.join(10)
    assert (worker.death.error, worker.death.frames) == (error, 2)
    other = FrameWorker(queue, work)
    queue.put(3)
    assert free.wait(10)
    other.stop()
    assert done == [3]
    assert other.death is None


def test_a_frame_that_is_not_due_is_dropped_when_it_arrives():
    queue = FrameQueue()
    queue.limit_rate(0.001)
    assert queue.put(0) is None
    assert queue.take() == [0]
    assert queue.put(1) is Drop.THROTTLED
    queue.limit_rate(0.001)
    assert queue.put(2) is Drop.THROTTLED, "the same limit does not begin anew"
    assert queue.put(3, "rear") is None, "each camera has its own turn"
    queue.limit_rate(0)
    assert queue.put(4) is None
    assert queue.take() == [3, 4]


def test_a_frame_that_waits_for_the_worker_gives_its_turn_to_a_newer_one():
    queue = FrameQueue()
    queue.limit_rate(0.001)
    assert queue.put(0) is None
    assert queue.put(1) is Drop.OVERTAKEN
    assert queue.take() == [1]


def test_fresh_frames_only_are_those_that_find_their_camera_idle():
    """However long the worker's thread takes to wake up."""
    queue = FrameQueue()
    assert queue.idle
    assert queue.put("front 1", "front", fresh_only=True) is None
    assert not queue.idle
    assert queue.take() == ["front 1"]
    assert not queue.idle, "front 1 is being processed"
    assert queue.put("front 2", "front", fresh_only=True) is Drop.STALE
    assert queue.put("rear 1", "rear", fresh_only=True) is None, "a slow camera starves no other"
    assert queue.put("rear 2", "rear", fresh_only=True) is Drop.OVERTAKEN
    assert queue.take() == ["rear 2"]
    assert queue.put("front 3", "front", fresh_only=True) is None, "front 1 is done"
    assert queue.take() == ["front 3"]


def test_a_limited_rate_is_reached_with_fresh_frames_only():
    """A frame that is dropped since the worker is busy is not counted against the limit."""
    queue = FrameQueue()
    queue.limit_rate(0.001)
    queue.put("rear 1", "rear")
    queue.take()
    queue.limit_rate(0.002)
    assert queue.put("rear 2", "rear", fresh_only=True) is Drop.STALE
    queue.put("front", "front")
    queue.take()
    assert queue.put("rear 3", "rear", fresh_only=True) is None


def test_the_newest_of_each_camera_come_together_and_a_silent_one_holds_nobody_up():
    queue = FrameQueue()
    assert queue.put("front 1", "front") is None
    assert queue.put("rear 1", "rear") is None, "front 1 is not lost to another camera"
    assert queue.put("front 2", "front") is Drop.OVERTAKEN
    assert queue.take() == ["front 2", "rear 1"]
    queue.put("rear 2", "rear")
    assert queue.take() == ["rear 2"]
