"""The diagnostics of a node, from all that knows something about its health."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node

from vit_perception.nodes import diagnostics, node_names
from vit_perception.nodes.camera import Cameras
from vit_perception.nodes.health import Health
from vit_perception.nodes.outputs.topics import DIAGNOSTICS, TOPICS
from vit_perception.nodes.parameters import Parameters
from vit_perception.nodes.pipeline import Pipeline
from vit_perception.nodes.qos import qos_profile
from vit_perception.nodes.statistics import Snapshot, Statistics


class Reporter:
    """Publishes a node's diagnostics. Any thread may have them published.

    Args:
        node: whose they are.
        parameters: of the node.
        statistics: of its frames.

    Attributes:
        state: of its life cycle.
        failure: why it could not be configured; empty if it could.
        progress: the step of configuring that is under way; empty if none is.
    """

    def __init__(self, node: Node, parameters: Parameters, statistics: Statistics) -> None:
        self.state = "unconfigured"
        self.failure = self.progress = ""
        self._node, self._parameters, self._statistics = node, parameters, statistics
        self._health = Health()
        self._publisher = node.create_publisher(
            DiagnosticArray, DIAGNOSTICS, qos_profile(TOPICS[DIAGNOSTICS].qos)
        )

    def begin(self) -> None:
        """Judge the results from now on, without those before."""
        self._health = Health()

    def publish(self, pipeline: Pipeline | None, cameras: Cameras | None) -> None:
        """Publish a report.

        Args:
            pipeline: of the node; None while it is not configured.
            cameras: that it subscribes to; None while it is not active.
        """
        snapshot = self._statistics.snapshot()
        report = diagnostics.Report(
            node=self._node.get_fully_qualified_name(),
            state=self.state,
            failure=self.failure,
            progress=self.progress,
            warnings=self._warnings(snapshot, pipeline, cameras),
            facts=self._facts(pipeline, cameras),
            snapshot=snapshot,
        )
        message = DiagnosticArray(status=[diagnostics.status(report)])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)

    def _facts(self, pipeline: Pipeline | None, cameras: Cameras | None) -> dict[str, str]:
        facts = {"tasks": ", ".join(self._parameters.tasks)}
        if cameras is not None:
            facts["input_topic"] = cameras.topics
        if pipeline is not None:
            facts |= pipeline.facts
        return facts

    def _warnings(self, snapshot: Snapshot, pipeline: Pipeline | None, cameras: Cameras | None) -> list[str]:
        found = cameras.warnings() if cameras is not None else []
        if cameras is not None and not cameras.attended:
            self.begin()  # nothing is expected
        elif self.state == "active" and pipeline is not None:
            found += pipeline.warnings
            found += self._health.warnings(snapshot, self._parameters.settings, pipeline.work)
        return [*found, *filter(None, [node_names.warning(self._node), _overload(pipeline)])]


def _overload(pipeline: Pipeline | None) -> str:
    if pipeline is None or not pipeline.budget.exhausted:
        return ""
    return f"answers come late at the least effort ({pipeline.budget.state}): disable some tasks"
