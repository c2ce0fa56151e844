"""The lifecycle node behind all six executables; they differ only in their tasks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import LifecycleState, Node, TransitionCallbackReturn
from sensor_msgs.msg import CompressedImage, Image

from vit_perception.nodes import diagnostics, silence
from vit_perception.nodes.frame_slot import FrameSlot, FrameWorker
from vit_perception.nodes.parameters import Parameters, Settings
from vit_perception.nodes.pipeline import Pipeline
from vit_perception.nodes.qos import AdaptiveSubscription
from vit_perception.nodes.statistics import Statistics
from vit_perception.runtime.predictor import Predictor

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE

# Input topic, message and its name in the graph by `image_transport`.
INPUTS = {
    "raw": ("image", Image, silence.RAW),
    "compressed": ("image/compressed", CompressedImage, silence.COMPRESSED),
}
_REPORT_SECONDS = 1.0
_SILENCE_SECONDS = 3.0
_LOG_SECONDS = 30.0


class PerceptionNode(Node):
    """Images in, answers out.

    configure loads the model and advertises the outputs, activate subscribes and starts to work,
    deactivate and cleanup undo them. /diagnostics is there in every state.

    Args:
        tasks: what it answers; None lets its parameter `tasks` say.
        options: of rclpy's node, as `namespace` or `parameter_overrides`.

    Raises:
        ValueError: a parameter given at the start is wrong; says which and why.
    """

    def __init__(self, name: str, tasks: Sequence[str] | None = None, **options: Any) -> None:
        super().__init__(name, **options)
        self._options = Parameters(self, None if tasks is None else tuple(tasks))
        self._options.listen(self._apply)
        self._statistics = Statistics()
        self._pipeline: Pipeline | None = None
        self._input: AdaptiveSubscription | None = None
        self._slot: FrameSlot[Image | CompressedImage] | None = None
        self._worker: FrameWorker | None = None
        self._state = "unconfigured"
        self._failure = ""
        self._active_since = 0.0
        self._warned: tuple[str, float] = ("", float("-inf"))
        self._diagnostics = self.create_publisher(DiagnosticArray, diagnostics.TOPIC, 10)
        self.create_timer(_REPORT_SECONDS, self._report)

    @property
    def autostart(self) -> bool:
        """Whether `start` is to be called."""
        return self._options.autostart

    def start(self) -> bool:
        """Configure and activate; False, with the reason in the log, if that fails."""
        return self.trigger_configure() == SUCCESS and self.trigger_activate() == SUCCESS

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            self._pipeline = self._make_pipeline()
        except Exception as error:  # whatever is wrong with a model must not end a managed node
            self._failure = str(error) or type(error).__name__
            self.get_logger().error(f"could not be configured: {self._failure}")
            return FAILURE
        self._failure = ""
        self._state = "inactive"
        return SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        assert self._pipeline is not None  # the life cycle configures first
        self._pipeline.announce()
        self._slot = FrameSlot()
        self._slot.limit_rate(self._options.settings.max_rate)
        self._worker = FrameWorker(self._slot, self._pipeline.process)
        topic, message_type, _ = INPUTS[self._options.text("image_transport")]
        self._active_since = time.monotonic()
        self._state = "active"
        self._input = AdaptiveSubscription(self, message_type, topic, self._receive)
        self.get_logger().info(f"active: waiting for {self._input.topic}")
        return SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._stop()
        self._state = "inactive"
        return SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._drop_model()
        self._state = "unconfigured"
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._stop()
        self._drop_model()
        self._state = "finalized"
        return SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._stop()
        self._drop_model()
        self._state = "unconfigured"
        return SUCCESS

    def destroy_node(self) -> None:
        self._stop()
        super().destroy_node()

    def _make_pipeline(self) -> Pipeline:
        parameters = self._options
        predictor = Predictor(
            parameters.text("model"),
            parameters.text("engine"),
            parameters.text("device"),
            parameters.tasks,
            parameters.text("precision"),
        )
        parameters.declare_for(predictor.card)
        predictor.warm_up(*predictor.card.input_sizes[0])
        if untrained := [task for task in parameters.tasks if task not in predictor.card.tasks]:
            self.get_logger().warning(
                f"model {predictor.card.name} was not trained for {', '.join(untrained)}: no such outputs"
            )
        engine = predictor.engine
        self.get_logger().info(
            f"model {predictor.card.name} on {engine.name}, {engine.device}, {engine.precision}"
        )
        return Pipeline(self, predictor, self._statistics, parameters.settings)

    def _receive(self, message: Image | CompressedImage) -> None:
        if self._slot is not None:
            self._statistics.arrived(self._slot.put(message))

    def _apply(self, settings: Settings) -> None:
        if self._pipeline is not None:
            self._pipeline.apply(settings)
            if self._state == "active":
                self._pipeline.announce()
        if self._slot is not None:
            self._slot.limit_rate(settings.max_rate)

    def _stop(self) -> None:
        if self._input is not None:
            self._input.destroy()
            self._input = None
        if self._worker is not None:
            self._worker.stop()
            self._worker = self._slot = None

    def _drop_model(self) -> None:
        if self._pipeline is not None:
            self._pipeline.destroy()
            self._pipeline = None

    def _report(self) -> None:
        if self._input is not None:
            self._input.refresh()
        snapshot = self._statistics.snapshot()
        report = diagnostics.Report(
            node=self.get_fully_qualified_name(),
            state=self._state,
            failure=self._failure,
            silence=self._silence(snapshot.frame_age),
            facts=self._facts(),
            snapshot=snapshot,
        )
        message = DiagnosticArray(status=[diagnostics.status(report)])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)

    def _facts(self) -> dict[str, str]:
        facts = {"tasks": ", ".join(self._options.tasks)}
        if self._input is not None:
            facts["input_topic"] = self._input.topic
        if self._pipeline is not None:
            predictor = self._pipeline.predictor
            engine = predictor.engine
            facts |= {"model": predictor.card.name, "engine": engine.name}
            facts |= {"device": engine.device, "precision": engine.precision}
        return facts

    def _silence(self, frame_age: float | None) -> str:
        """Why no frame has come for too long; empty if they come. Also logged, but not every second."""
        if self._input is None:
            return ""
        now = time.monotonic()
        active = now - self._active_since
        quiet = active if frame_age is None else min(active, frame_age)
        if quiet < _SILENCE_SECONDS:
            self._warned = ("", float("-inf"))
            return ""
        kind = INPUTS[self._options.text("image_transport")][2]
        reason = silence.why_silent(self, self._input.topic, kind, self._input.profile)
        text, logged = self._warned
        if reason != text or now - logged > _LOG_SECONDS:
            self._warned = (reason, now)
            self.get_logger().warning(f"no image for {quiet:.0f} s: {reason}")
        return f"no image for {quiet:.0f} s: {reason}"
