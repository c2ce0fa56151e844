import threading

import pytest

pytest.importorskip("rclpy", reason="vit_perception.nodes needs ROS 2")

from vit_perception.nodes.frame_queue import FrameQueue, FrameWorker


def test_only_the_newest_frame_is_kept():
    queue = FrameQueue()
    assert not queue.put(1)
    assert queue.put(2), "1 was lost"
    assert queue.put(3), "2 was lost"
    assert queue.take() == [3]
    assert not queue.put(4)


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


def test_a_limited_rate_gives_the_newest_when_it_is_due():
    queue = FrameQueue()
    queue.put(0)
    assert queue.take() == [0]
    queue.limit_rate(0.01)
    queue.put(1)
    taken = []
    thread = threading.Thread(target=lambda: taken.append(queue.take()))
    thread.start()
    thread.join(0.2)
    assert thread.is_alive(), "100 seconds have not passed"
    queue.put(2)
    queue.limit_rate(0)
    thread.join(10)
    assert taken == [[2]]


def test_the_newest_of_each_camera_come_together_and_a_silent_one_holds_nobody_up():
    queue = FrameQueue()
    assert not queue.put("front 1", "front")
    assert not queue.put("rear 1", "rear"), "front 1 is not lost to another camera"
    assert queue.put("front 2", "front")
    assert queue.take() == ["front 2", "rear 1"]
    queue.put("rear 2", "rear")
    assert queue.take() == ["rear 2"]
