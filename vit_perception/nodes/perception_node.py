"""The lifecycle node behind all six executables; they differ only in their tasks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import LifecycleState, Node, TransitionCallbackReturn
from sensor_msgs.msg import CompressedImage, Image

from vit_perception.hub.build import build_public
from vit_perception.hub.obtain import obtain_model
from vit_perception.nodes import diagnostics
from vit_perception.nodes.camera import Camera
from vit_perception.nodes.frame_slot import FrameSlot, FrameWorker
from vit_perception.nodes.parameters import Parameters, Settings
from vit_perception.nodes.pipeline import Arrival, Pipeline
from vit_perception.nodes.statistics import Statistics
from vit_perception.runtime.task_models import TaskModels

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE

_REPORT_SECONDS = 1.0


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
        self._cameras: list[Camera] = []
        self._slot: FrameSlot[Arrival] | None = None
        self._worker: FrameWorker[Arrival] | None = None
        self._state = "unconfigured"
        self._failure = ""
        self._step = ""
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
        self._failure = ""
        try:
            self._pipeline = self._make_pipeline()
        except Exception as error:  # whatever is wrong with a model must not end a managed node
            self._options.release()
            self._failure = str(error) or type(error).__name__
            self.get_logger().error(f"could not be configured: {self._failure}")
            return FAILURE
        finally:
            self._step = ""
        self._failure = ""
        self._state = "inactive"
        return SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        assert self._pipeline is not None  # the life cycle configures first
        self._pipeline.announce()
        self._slot = FrameSlot()
        self._slot.limit_rate(self._options.settings.max_rate)
        self._worker = FrameWorker(self._slot, self._pipeline.process)
        transport = self._options.text("image_transport")
        self._state = "active"
        self._cameras = [
            Camera(self, name, topic, transport, self._receive)
            for name, topic in self._options.cameras.items()
        ]
        self.get_logger().info(f"active: waiting for {self._topics()}")
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
        model = parameters.text("model")
        names = [parameters.models.get(task) or model for task in parameters.tasks]
        folders = {name: obtain_model(name, self._tell) for name in dict.fromkeys(names)}
        panel = TaskModels(
            {task: folders[name] for task, name in parameters.models.items() if name in folders},
            folders.get(model, model),
            parameters.tasks,
            engine=parameters.text("engine"),
            device=parameters.text("device"),
            precision=parameters.text("precision"),
            prompts=parameters.prompts,
            build_public=build_public,
        )
        parameters.declare_for(panel)
        if panel.unanswered:
            self.get_logger().info(f"no model for {', '.join(panel.unanswered)}: no such outputs")
        for predictor in panel.predictors:
            engine = predictor.engine
            self.get_logger().info(
                f"model {predictor.card.name} on {engine.name}, {engine.device}, {engine.precision}"
            )
        pipeline = Pipeline(self, panel, self._statistics, parameters.settings, parameters.cameras)
        pipeline.warm_up()
        return pipeline

    def _tell(self, step: str) -> None:
        """Say what takes so long: configuring blocks the executor, which would leave /diagnostics silent."""
        self.get_logger().info(step)
        self._step = step
        self._report()

    def _receive(self, camera: str, message: Image | CompressedImage) -> None:
        if self._slot is not None:
            self._statistics.arrived(self._slot.put(Arrival(camera, message, time.monotonic()), camera))

    def _apply(self, settings: Settings) -> None:
        if self._pipeline is not None:
            self._pipeline.apply(settings)
            if self._state == "active":
                self._pipeline.announce()
        if self._slot is not None:
            self._slot.limit_rate(settings.max_rate)

    def _stop(self) -> None:
        for camera in self._cameras:
            camera.destroy()
        self._cameras = []
        if self._worker is not None:
            self._worker.stop()
            self._worker = self._slot = None

    def _drop_model(self) -> None:
        if self._pipeline is not None:
            self._pipeline.destroy()
            self._pipeline = None
        self._options.release()

    def _report(self) -> None:
        report = diagnostics.Report(
            node=self.get_fully_qualified_name(),
            state=self._state,
            failure=self._failure,
            step=self._step,
            silence="; ".join(filter(None, [camera.check() for camera in self._cameras])),
            slowness=self._slowness(),
            facts=self._facts(),
            snapshot=self._statistics.snapshot(),
        )
        message = DiagnosticArray(status=[diagnostics.status(report)])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)

    def _facts(self) -> dict[str, str]:
        facts = {"tasks": ", ".join(self._options.tasks)}
        if self._cameras:
            facts["input_topic"] = self._topics()
        if self._pipeline is not None:
            predictors = self._pipeline.panel.predictors
            facts["model"] = ", ".join(predictor.card.name for predictor in predictors)
            for fact, name in (("engine", "name"), ("device", "device"), ("precision", "precision")):
                # Once for each model, unless they are all alike.
                values = [getattr(predictor.engine, name) for predictor in predictors]
                facts[fact] = ", ".join(values if len(set(values)) > 1 else values[:1])
            if state := self._pipeline.budget.state:
                facts["latency_budget"] = state
        return facts

    def _topics(self) -> str:
        return ", ".join(camera.topic for camera in self._cameras)

    def _slowness(self) -> str:
        if self._pipeline is None or not self._pipeline.budget.exhausted:
            return ""
        return f"answers come late at the least effort ({self._pipeline.budget.state}): disable some tasks"
