"""A client of a live graph: publishes images, subscribes to results, calls services. Needs ROS."""

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import GetParameters, ListParameters, SetParametersAtomically
from rclpy.client import Client
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from vit_perception.nodes.diagnostics import node_of
from vit_perception.nodes.images import codec
from vit_perception.nodes.outputs.topics import TOPICS, Qos
from vit_perception.nodes.perception_node import PerceptionNode
from vit_perception.nodes.qos import compatible_qos, qos_profile

TINY = Path(__file__).parents[1] / "fixtures" / "tiny"
LATCHED = qos_profile(TOPICS["label_info"].qos)
# Topics of every node, whatever it does.
PLUMBING = ("/rosout", "/parameter_events")
# Ends a test that has failed; those that succeed return at once.
DEADLINE = 90.0
TRANSITIONS = {
    "configure": Transition.TRANSITION_CONFIGURE,
    "activate": Transition.TRANSITION_ACTIVATE,
    "deactivate": Transition.TRANSITION_DEACTIVATE,
    "cleanup": Transition.TRANSITION_CLEANUP,
}
SHUTDOWN = {
    "unconfigured": Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    "inactive": Transition.TRANSITION_INACTIVE_SHUTDOWN,
    "active": Transition.TRANSITION_ACTIVE_SHUTDOWN,
}
# Services that change nothing.
QUESTIONS = (GetParameters, GetState, ListParameters)


def wait_until(condition: Callable[[], object], what: str, step: Callable[[], object] = lambda: None):
    """Wait until `condition` gives something true, and give that; `step` runs each half second till then."""
    deadline = time.monotonic() + DEADLINE
    again = 0.0
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {DEADLINE:.0f} s: {what}"
        if time.monotonic() >= again:
            step()
            again = time.monotonic() + 0.5
        time.sleep(0.01)
    return value


def scene(height: int = 150, width: int = 200, seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 BGR: coloured blocks, so that results differ from place to place."""
    colours = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    rows, columns = np.arange(height) * 5 // height, np.arange(width) * 7 // width
    return colours[rows[:, None], columns[None, :]]


class Graph:
    """A client node with its thread, and the nodes under test in threads of their own."""

    def __init__(self, domain_id: int) -> None:
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain_id)
        self.client = rclpy.create_node("client", context=self.context)
        self._stamp = 0
        self._threads: list[tuple[SingleThreadedExecutor, threading.Thread]] = []
        self._executor, _ = self._spin(self.client)
        self.diagnostics = self.listen("/diagnostics", DiagnosticArray)

    def close(self) -> None:
        for executor, thread in reversed(self._threads):
            executor.shutdown()
            thread.join()
        self.client.destroy_node()
        rclpy.try_shutdown(context=self.context)

    def _spin(self, node):
        executor = SingleThreadedExecutor(context=self.context)
        executor.add_node(node)

        def spin():
            try:
                executor.spin()
            except ExternalShutdownException:
                return

        thread = threading.Thread(target=spin, daemon=True)
        thread.start()
        self._threads.append((executor, thread))
        return executor, thread

    @contextmanager
    def node(
        self, namespace: str, only=None, name: str = "perception", **parameters
    ) -> Iterator[PerceptionNode]:
        """A node with the tiny model, started unless `autostart` is False. `__` in a name stands for a dot.

        Frames wait until the model is compiled for their size, so that answers are always the same.

        only: the task of a node that has one; None is the suite.
        """
        given = {key.replace("__", "."): value for key, value in parameters.items()}
        values = {"model": str(TINY), "compile_beside": False, **given}
        node = PerceptionNode(
            name,
            only,
            namespace=namespace,
            context=self.context,
            parameter_overrides=[Parameter(key, value=value) for key, value in values.items()],
        )
        if node.autostart:
            assert node.start()
        executor, thread = self._spin(node)
        try:
            yield node
        finally:
            executor.shutdown()
            thread.join()
            self._threads.remove((executor, thread))
            node.destroy_node()
            del node, executor, thread
            gc.collect()  # rclpy's lifecycle nodes are in cycles, and stay in the graph until these are gone

    def listen(self, topic: str, kind, qos=10) -> list:
        """The list that messages on `topic` are appended to from now on."""
        received: list = []
        self.client.create_subscription(kind, topic, received.append, qos)
        return received

    def published(self, namespace: str, name: str = "perception") -> dict[str, tuple[str, Qos]]:
        """Topic, relative to the namespace where it is in it → type and QoS of what a node publishes.

        The queue's length is the table's, since DDS does not report it to others.
        """
        found = {}
        for topic, (kind, *_) in self.client.get_publisher_names_and_types_by_node(name, namespace):
            if topic in PLUMBING or topic.endswith("/transition_event"):
                continue
            relative = topic.removeprefix(f"{namespace}/")
            profiles = [
                info.qos_profile
                for info in self.client.get_publishers_info_by_topic(topic)
                if (info.node_name, info.node_namespace) == (name, namespace)
            ]
            found[relative] = kind, compatible_qos(profiles, TOPICS[relative].qos.depth)
        return found

    def destroy(self, *entities: Publisher | Subscription | Client) -> None:
        """End publishers, subscriptions or clients of ours.

        In the thread that spins: any other one would, now and then, pull them from under the executor.
        """
        ends = {
            Publisher: self.client.destroy_publisher,
            Subscription: self.client.destroy_subscription,
            Client: self.client.destroy_client,
        }
        done = self._executor.create_task(lambda: [ends[type(entity)](entity) for entity in entities])
        wait_until(done.done, "the end of publishers and the like")

    def header(self) -> Header:
        """Of now, unlike any before."""
        self._stamp = max(time.time_ns(), self._stamp + 1)
        header = Header(frame_id="camera_optical")
        header.stamp.sec, header.stamp.nanosec = divmod(self._stamp, 1_000_000_000)
        return header

    def image(self, pixels: np.ndarray | None = None, encoding: str = "bgr8") -> Image:
        return codec.encode(scene() if pixels is None else pixels, encoding, self.header())

    @contextmanager
    def stream(self, topic: str) -> Iterator[None]:
        """Publish a hundred images a second. Of a burst, a node would keep the newest alone."""
        publisher, off = self.client.create_publisher(Image, topic, 10), threading.Event()

        def send():
            while not off.wait(0.01):
                publisher.publish(self.image())

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        try:
            yield
        finally:
            off.set()
            thread.join()
            self.destroy(publisher)

    def ask(self, namespace: str, message: Image | CompressedImage, topics: dict, qos=10) -> dict:
        """Publish `message` again and again until each topic has a result for it; gives these by topic."""
        compressed = isinstance(message, CompressedImage)
        topic = f"{namespace}/image{'/compressed' if compressed else ''}"
        publisher = self.client.create_publisher(type(message), topic, qos)
        received: dict = {name: [] for name in topics}
        subscriptions = [
            self.client.create_subscription(kind, f"{namespace}/{name}", received[name].append, 10)
            for name, kind in topics.items()
        ]
        try:
            return wait_until(
                lambda: self._results(received, message),
                f"results on {', '.join(topics)}",
                lambda: publisher.publish(message),
            )
        finally:
            self.destroy(publisher, *subscriptions)

    @staticmethod
    def _results(received: dict, message) -> dict | None:
        results = {
            name: next((m for m in list(messages) if m.header == message.header), None)
            for name, messages in received.items()
        }
        return results if all(result is not None for result in results.values()) else None

    def status(
        self, node: str, accept: Callable[[DiagnosticStatus], bool] = lambda _: True, step=lambda: None
    ) -> DiagnosticStatus:
        """The first diagnostics of `node` from now on that `accept` accepts."""
        start = len(self.diagnostics)

        def found():
            for array in self.diagnostics[start:]:
                for status in array.status:
                    if node_of(status) == node and accept(status):
                        return status
            return None

        return wait_until(found, f"diagnostics of {node}", step)

    def call(self, kind, name: str, request):
        client = self.client.create_client(kind, name)
        try:
            assert client.wait_for_service(DEADLINE)
            asked = [client.call_async(request)]
            # An answer that leaves before its process has discovered this client is lost. What changes
            # nothing is asked again.
            again = (
                (lambda: asked.append(client.call_async(request))) if kind in QUESTIONS else (lambda: None)
            )
            done = wait_until(lambda: [each for each in asked if each.done()], f"answer of {name}", again)
            return done[0].result()
        finally:
            self.destroy(client)

    def transition(self, node: str, transition: int) -> bool:
        request = ChangeState.Request(transition=Transition(id=transition))
        return self.call(ChangeState, f"{node}/change_state", request).success

    def state(self, node: str) -> str:
        return self.call(GetState, f"{node}/get_state", GetState.Request()).current_state.label

    def set(self, node: str, **values):
        """Set parameters in one go; gives the result. `__` in a name stands for a dot."""
        parameters = [
            Parameter(name.replace("__", "."), value=value).to_parameter_msg()
            for name, value in values.items()
        ]
        request = SetParametersAtomically.Request(parameters=parameters)
        return self.call(SetParametersAtomically, f"{node}/set_parameters_atomically", request).result

    def get(self, node: str, name: str):
        request = GetParameters.Request(names=[name])
        (value,) = self.call(GetParameters, f"{node}/get_parameters", request).values
        return rclpy.parameter.parameter_value_to_python(value)


def values(status: DiagnosticStatus) -> dict[str, str]:
    return {entry.key: entry.value for entry in status.values}
