"""What /diagnostics says about nodes whose input or surroundings are not as they should be."""

import socket
import threading
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from ros.graph import values, wait_until

TASK = ("detection",)


def test_the_hardware_is_the_computer_and_the_name_is_the_nodes(graph):
    with graph.node("/where", TASK, autostart=False):
        status = graph.status("/where/perception")
    assert status.hardware_id == socket.gethostname()
    assert status.name == "where/perception: perception"


def test_two_publishers_on_a_cameras_topic(graph):
    node = "/mixed/perception"
    publishers = [graph.client.create_publisher(Image, "/mixed/image", 10) for _ in range(2)]
    with graph.node("/mixed", TASK):
        status = graph.status(node, lambda status: "publishers" in status.message)
        assert status.level == DiagnosticStatus.WARN
        assert "/mixed/image has 2 publishers, whose frames mix: /client, /client" in status.message
        graph.destroy(publishers.pop())
        graph.status(node, lambda status: "publishers" not in status.message)
    graph.destroy(*publishers)


def test_two_nodes_of_one_name(graph):
    node = "/twins/perception"
    with graph.node("/twins", TASK):
        with graph.node("/twins", TASK):
            status = graph.status(node, lambda status: "nodes are called" in status.message)
            assert status.level == DiagnosticStatus.WARN
            assert f"2 nodes are called {node}" in status.message
        graph.status(node, lambda status: "nodes are called" not in status.message)


@pytest.mark.parametrize(
    ("seconds", "says"),
    [(None, "old by their stamps when they arrive"), (3600, "ahead of the node's clock")],
    ids=["1970", "an hour ahead"],
)
def test_stamps_that_cannot_be(graph, seconds, says):
    node = "/stamps/perception"
    with graph.node("/stamps", TASK):
        graph.listen("/stamps/detections", Detection2DArray)
        publisher = graph.client.create_publisher(Image, "/stamps/image", 10)

        def send():
            message = graph.image()
            message.header.stamp.sec = 0 if seconds is None else message.header.stamp.sec + seconds
            publisher.publish(message)

        status = graph.status(node, lambda status: says in status.message, send)
        assert status.level == DiagnosticStatus.WARN
        assert graph.set(node, max_age_ms=0).successful
        graph.status(node, lambda status: status.level == DiagnosticStatus.OK, send)
        graph.destroy(publisher)


def _slow_down(monkeypatch, owner, method, action):
    """Make a part of a live node slow: `action` comes first."""
    fast = getattr(owner, method)
    monkeypatch.setattr(owner, method, lambda *arguments: (action(), fast(*arguments))[1])


@pytest.mark.parametrize("busy", ["computing", "compiling"])
def test_frames_arrive_and_none_leave(graph, monkeypatch, busy):
    name, free = "/stuck/perception", threading.Event()
    with graph.node("/stuck", TASK, engine="openvino") as node:
        models = node._pipeline.models
        if busy == "computing":
            reason = "the models are computing, for"
            _slow_down(monkeypatch, models, "batch", free.wait)
        else:
            reason = "model tiny is being compiled for an input of a new size, for"
            _slow_down(monkeypatch, models.predictors[0].engine.shapes, "_make", free.wait)
            assert graph.set(name, input_scale=1.5).successful
        answers = graph.listen("/stuck/detections", Detection2DArray)
        publisher = graph.client.create_publisher(Image, "/stuck/image", 10)
        try:
            status = graph.status(
                name,
                lambda status: "none has left for" in status.message,
                lambda: publisher.publish(graph.image()),
            )
        finally:
            free.set()
        assert status.level == DiagnosticStatus.WARN
        assert reason in status.message
        wait_until(lambda: answers, "an answer", lambda: publisher.publish(graph.image()))
        graph.status(name, lambda status: "none has left" not in status.message)
        graph.destroy(publisher)


def test_few_of_the_frames_are_answered(graph, monkeypatch):
    name = "/slow/perception"
    with graph.node("/slow", TASK, max_age_ms=0) as node:
        _slow_down(monkeypatch, node._pipeline.models, "batch", lambda: time.sleep(1.5))
        graph.listen("/slow/detections", Detection2DArray)
        publisher = graph.client.create_publisher(Image, "/slow/image", 10)

        def send():
            for _ in range(10):
                publisher.publish(graph.image())
                time.sleep(0.01)

        status = graph.status(name, lambda status: "frames a second are answered" in status.message, send)
        assert status.level == DiagnosticStatus.WARN
        assert "overtaken by newer ones" in status.message
        assert graph.set(name, min_rate=0.01).successful
        graph.status(name, lambda status: "are answered" not in status.message, send)
        graph.destroy(publisher)


def test_frames_that_the_subscription_lost(graph):
    """It keeps one frame, and those that come while the executor is busy replace each other unseen."""
    name = "/lossy/perception"
    graph.listen("/lossy/detections", Detection2DArray)
    with graph.node("/lossy", TASK) as node:
        publisher = graph.client.create_publisher(Image, "/lossy/image", 10)
        message, sent = graph.image(), 0

        def send():
            nonlocal sent
            sent += 1
            stamp = message.header.stamp
            stamp.sec, stamp.nanosec = divmod(50_000_000 * sent, 1_000_000_000)
            publisher.publish(message)

        def received():
            return node._statistics.snapshot().total.received

        wait_until(received, "a frame", send)

        def send_one_by_one():
            for count in range(received() + 1, received() + 31):
                send()
                wait_until(lambda count=count: received() >= count, "a frame")

        send_one_by_one()
        busy, free = threading.Event(), threading.Event()
        timer = node.create_timer(0.0, lambda: (busy.set(), free.wait()))
        assert busy.wait(90)
        timer.cancel()
        for _ in range(5):
            send()
        before = received()
        free.set()
        wait_until(lambda: received() > before, "a frame")
        send_one_by_one()
        status = graph.status(name, lambda status: int(values(status)["frames_lost"]))
        graph.destroy(publisher)
    assert 4 <= int(values(status)["frames_lost"]) < sent - 60
