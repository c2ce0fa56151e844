"""Nodes that are ended while frames come in: in order. A worker that dies by itself is replaced."""

import ctypes
import signal
import threading
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rcl_interfaces.msg import Log
from rclpy.context import Context
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from ros.graph import DEADLINE, TINY, wait_until
from ros.test_executables import start
from vit_perception.nodes.camera_images import ReceivedImage
from vit_perception.nodes.perception_node import PerceptionNode

NODES = 4
CAMERA_HZ = 60
MODEL = Parameter("model", value=str(TINY))
TOPICS = {"detections": Detection2DArray}


@pytest.fixture
def camera(graph):
    """A camera that goes on until the end of the test."""
    publisher = graph.client.create_publisher(Image, "/process/image", 1)
    message, off = graph.image(), threading.Event()

    def run():
        while not off.wait(1 / CAMERA_HZ):
            publisher.publish(message)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    off.set()
    thread.join()
    graph.destroy(publisher)


def test_signals_under_load_end_nodes_in_order(graph, camera):
    topics = [f"loaded_{index}/detections" for index in range(NODES)]
    answers = [graph.listen(f"/process/{topic}", Detection2DArray) for topic in topics]
    processes = [
        start("detector", "-r", f"__node:=loaded_{index}", "-r", f"detections:={topic}", model=TINY)
        for index, topic in enumerate(topics)
    ]
    try:
        for topic, received in zip(topics, answers, strict=True):
            wait_until(lambda received=received: len(received) > 2, f"answers on {topic}")
        for index, process in enumerate(processes):
            process.send_signal([signal.SIGINT, signal.SIGTERM][index % 2])
        outputs = [process.communicate(timeout=DEADLINE)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            print(process.communicate()[0])  # of a node that does not answer: what it says
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0, output
        assert "Traceback" not in output
        assert "RCLError" not in output


def test_a_frame_after_the_end_of_ros_is_no_error(graph):
    """Whoever runs a node in a process of their own may shut ROS down while it works."""
    context = Context()
    rclpy.init(context=context, domain_id=graph.context.get_domain_id())
    node = PerceptionNode("late", ("detection",), context=context, parameter_overrides=[MODEL])
    assert node.start()
    pipeline = node._pipeline
    context.shutdown()
    pipeline.process([ReceivedImage("", graph.image(), time.monotonic())])
    node.destroy_node()


def test_a_worker_that_dies_is_named_and_replaced(graph):
    """Killed as nothing in the node's own code would, from outside, between two lines of Python."""
    with graph.node("/killed", ("detection",)) as node:
        graph.listen("/killed/detections", Detection2DArray)  # for nobody it would not take a frame
        assert graph.ask("/killed", graph.image(), TOPICS)
        logged = graph.listen("/rosout", Log)
        worker = ctypes.c_ulong(node._worker._thread.ident)
        assert ctypes.pythonapi.PyThreadState_SetAsyncExc(worker, ctypes.py_object(SystemExit)) == 1
        publisher = graph.client.create_publisher(Image, "/killed/image", 10)
        status = graph.status(
            "/killed/perception",
            lambda status: "the worker died of SystemExit" in status.message,
            lambda: publisher.publish(graph.image()),
        )
        assert status.level == DiagnosticStatus.ERROR
        wait_until(lambda: any("the worker died of SystemExit" in line.msg for line in logged), "the log")
        assert graph.ask("/killed", graph.image(), TOPICS)
        graph.status("/killed/perception", lambda status: status.level == DiagnosticStatus.OK)
        graph.destroy(publisher)
