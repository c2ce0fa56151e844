"""A node whose model is compiled for another size of input goes on with its frames, and can be ended."""

import os
import signal
import threading

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
pytest.importorskip("openvino", reason="needs OpenVINO")
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from ros.graph import DEADLINE, scene, values, wait_until
from ros.test_effort import TOPICS, assert_answers
from ros.test_executables import start
from vit_perception.runtime.engines.cache import CACHE_VARIABLE
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request

EVERY_CLASS = {"classification": 0.0}


@pytest.fixture
def slow(monkeypatch):
    """Makes compilations of a live node wait for an event."""
    events = []

    def slow_down(node):
        free, shapes = threading.Event(), node._pipeline.models.predictors[0].engine.shapes
        fast = shapes._make
        monkeypatch.setattr(shapes, "_make", lambda each: (free.wait(DEADLINE), fast(each))[1])
        events.append(free)
        return free

    yield slow_down
    for event in events:
        event.set()


def is_compiling(status):
    return values(status)["compiling"] == "tiny"


def test_frames_go_on_in_the_size_before(graph, slow):
    name = "/beside/perception"
    with graph.node("/beside", compile_beside=True, engine="openvino", classification__threshold=0.0) as node:
        free = slow(node)
        assert graph.set(name, input_scale=1.5).successful
        predictor = Predictor(node._pipeline.models.predictors[0].card.folder, "openvino")
        small, large = (
            predictor(scene(), request=Request(thresholds=EVERY_CLASS, input_scale=scale))
            for scale in (1.0, 1.5)
        )
        for _ in range(3):
            assert_answers(graph.ask("/beside", graph.image(), TOPICS), small)
        status = graph.status(name, is_compiling)
        assert "none has left" not in status.message
        assert graph.ask("/beside", graph.image(scene(200, 150)), TOPICS), "another shape of camera"
        free.set()
        graph.status(name, lambda status: not is_compiling(status))
        assert_answers(graph.ask("/beside", graph.image(), TOPICS), large)


def test_the_budget_steps_while_frames_go_on(graph, slow):
    """It does not judge a step by frames of the one before, and so takes no second one meanwhile."""
    name = "/hurried/perception"
    parameters = {"compile_beside": True, "engine": "openvino", "max_latency_ms": 0.001}
    with graph.node("/hurried", ("detection",), **parameters) as node:
        free = slow(node)
        answers = graph.listen("/hurried/detections", Detection2DArray)
        with graph.stream("/hurried/image"):
            graph.status(name, is_compiling)
            before = len(answers)
            wait_until(lambda: len(answers) > before + 60, "answers meanwhile")
            status = graph.status(name)
            assert values(status)["latency_budget"] == "measuring; input at 0.8 of its size"
            free.set()
            graph.status(name, lambda status: "least effort" in status.message)


def test_a_node_whose_frames_wait_can_be_deactivated(graph, slow):
    name = "/waiting/perception"
    with graph.node("/waiting", ("detection",), engine="openvino") as node:
        slow(node)
        assert graph.set(name, input_scale=1.5).successful
        graph.listen("/waiting/detections", Detection2DArray)
        publisher = graph.client.create_publisher(Image, "/waiting/image", 10)
        graph.status(name, is_compiling, lambda: publisher.publish(graph.image()))
        node.trigger_deactivate()
        graph.status(name, lambda status: values(status)["state"] == "inactive" and is_compiling(status))
        graph.destroy(publisher)


def test_a_signal_ends_a_node_that_compiles(graph, tmp_path, monkeypatch):
    """The default model, in earnest: OpenVINO takes seconds for it, and cannot be interrupted."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    process = start("detector", "-r", "detections:=big/detections", input_scale=0.2)
    try:
        answers = graph.listen("/process/big/detections", Detection2DArray)
        publisher = graph.client.create_publisher(Image, "/process/image", 10)
        wait_until(lambda: answers, "an answer", lambda: publisher.publish(graph.image()))
        kept = len(os.listdir(tmp_path))
        assert graph.set("/process/detector", input_scale=4.0).successful
        status = graph.status(
            "/process/detector",
            lambda status: values(status).get("compiling"),
            lambda: publisher.publish(graph.image()),
        )
        assert status.level != DiagnosticStatus.ERROR
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=DEADLINE)
        graph.destroy(publisher)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert len(os.listdir(tmp_path)) == kept, "it did not wait until the model was compiled"
