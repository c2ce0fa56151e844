"""Receives the nodes' results as bytes, and notes how old each was when it came."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter

from vit_perception.nodes.diagnostics import UNCONFIGURED, node_of
from vit_perception.nodes.outputs.topics import DIAGNOSTICS, TOPICS, message_class
from vit_perception.replay.cdr import stamp_ns
from vit_perception.replay.live_node import LiveNode

# Deep enough that nothing is lost when this process is not scheduled for a moment.
_DEPTH = 50
_SERVICE_SECONDS = 10.0


class Listener(LiveNode):
    """Subscribes to topics and to /diagnostics. Use as a context manager.

    Args:
        topics: name → message class.

    Attributes:
        ages: topic → stamp in nanoseconds → milliseconds from the stamp to the callback, by the same clock.
        failure: why a node could not be configured, as it reports; empty if none did.
    """

    def __init__(self, topics: Mapping[str, Any]) -> None:
        super().__init__("bench_listener")
        self.ages: dict[str, dict[int, float]] = {topic: {} for topic in topics}
        self.failure = ""
        self._diagnostics: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
        for topic, kind in topics.items():
            self._subscribe(topic, kind)
        self._node.create_subscription(DiagnosticArray, DIAGNOSTICS, self._note, _DEPTH)

    def reset(self) -> None:
        """Drop everything received so far."""
        for ages in self.ages.values():
            ages.clear()
        self._diagnostics.clear()

    def all_received(self) -> bool:
        """Whether there was a message on every topic."""
        return all(self.ages.values())

    def stage_ms(self) -> dict[str, float]:
        """Mean milliseconds of each stage, over nodes and reports."""
        values: defaultdict[str, list[float]] = defaultdict(list)
        for reports in list(self._diagnostics.values()):
            for report in reports:
                for key, value in report.items():
                    if key.endswith("_ms"):
                        values[key.removesuffix("_ms")].append(float(value))
        return {stage: sum(found) / len(found) for stage, found in values.items()}

    def set_parameter(self, node: str, name: str, value: Any) -> None:
        """Set a parameter of a running node.

        Raises:
            RuntimeError: the node refuses it.
        """
        client = self._node.create_client(SetParameters, f"{node}/set_parameters")
        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        answer = self.call(client, request, _SERVICE_SECONDS)
        if answer is None or not answer.results[0].successful:
            raise RuntimeError(f"{node} did not set {name} to {value!r}")

    @contextmanager
    def also(self, topics: Iterable[str]) -> Iterator[None]:
        """Subscribe to more topics of the table meanwhile, and note nothing of them."""
        made = [
            self._node.create_subscription(
                message_class(TOPICS[topic].message_type), f"/{topic}", lambda _: None, _DEPTH, raw=True
            )
            for topic in topics
        ]
        try:
            yield
        finally:
            for subscription in made:  # in the thread that spins, which may be using them
                self._executor.create_task(self._node.destroy_subscription, subscription)

    def _subscribe(self, topic: str, kind: Any) -> None:
        ages = self.ages[topic]

        def receive(cdr: bytes) -> None:
            stamp = stamp_ns(cdr)
            ages[stamp] = (time.time_ns() - stamp) / 1e6

        self._node.create_subscription(kind, topic, receive, _DEPTH, raw=True)

    def _note(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self._diagnostics[status.name].append({entry.key: entry.value for entry in status.values})
            if status.message.startswith(UNCONFIGURED):
                self.failure = f"node {node_of(status)} {status.message}"
