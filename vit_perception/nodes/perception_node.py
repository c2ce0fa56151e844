"""The lifecycle node behind all seven executables, which differ only in their tasks."""

from __future__ import annotations

import time
import traceback
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleState, Node, TransitionCallbackReturn
from sensor_msgs.msg import CompressedImage, Image

from vit_perception.hub.build import build_public
from vit_perception.hub.obtain import obtain_model
from vit_perception.nodes import diagnostics, node_names
from vit_perception.nodes.camera import Camera
from vit_perception.nodes.frame_queue import FrameQueue, FrameWorker
from vit_perception.nodes.health import Health
from vit_perception.nodes.lost_frames import LostFrames
from vit_perception.nodes.outputs.topics import DIAGNOSTICS, TOPICS
from vit_perception.nodes.parameter_types import with_range
from vit_perception.nodes.parameters import Parameters
from vit_perception.nodes.pipeline import Pipeline, ReceivedImage
from vit_perception.nodes.qos import qos_profile
from vit_perception.nodes.services import refuse_wrong_requests
from vit_perception.nodes.settings import Settings
from vit_perception.nodes.statistics import Snapshot, Statistics
from vit_perception.runtime.task_models import TaskModels

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE

_REPORT_SECONDS = 1.0


class PerceptionNode(Node):
    """Subscribes to images and publishes what the models see in them.

    configure loads the models and creates the publishers, activate subscribes and starts the worker,
    deactivate and cleanup undo these. The node publishes /diagnostics in every state.

    Args:
        name: of the node.
        tasks: to compute; None: those of its parameter `tasks`.
        options: of rclpy's node, such as `namespace` or `parameter_overrides`.

    Raises:
        ValueError: a parameter given at the start is wrong; the message names it and says why.
    """

    def __init__(self, name: str, tasks: Sequence[str] | None = None, **options: Any) -> None:
        super().__init__(name, **options)
        self._node_parameters = Parameters(self, None if tasks is None else tuple(tasks))
        self._node_parameters.on_change(self._apply)
        refuse_wrong_requests(self)
        self._statistics = Statistics()
        self._pipeline: Pipeline | None = None
        self._cameras: list[Camera] = []
        self._queue: FrameQueue[ReceivedImage] | None = None
        self._worker: FrameWorker[ReceivedImage] | None = None
        self._lost: defaultdict[str, LostFrames] = defaultdict(LostFrames)
        self._health = Health()
        self._state = "unconfigured"
        self._failure = ""
        self._progress = ""
        self._diagnostics = self.create_publisher(
            DiagnosticArray, DIAGNOSTICS, qos_profile(TOPICS[DIAGNOSTICS].qos)
        )
        # Reports go on while simulated time stands still, or before the first /clock.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(_REPORT_SECONDS, self._report, clock=steady)

    @property
    def autostart(self) -> bool:
        """Whether the node is to be started without a lifecycle manager."""
        return self._node_parameters.autostart

    def describe_parameter(self, name: str) -> ParameterDescriptor:
        """As of rclpy's node, with the range of a number."""
        return with_range(super().describe_parameter(name))

    def start(self) -> bool:
        """Configure and activate. False, with the reason in the log, if that fails."""
        return self.trigger_configure() == SUCCESS and self.trigger_activate() == SUCCESS

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._failure = ""
        try:
            self._pipeline = self._make_pipeline()
        except Exception as error:  # no error of a model may end a managed node
            self._node_parameters.release_models()
            self._failure = str(error) or type(error).__name__
            self.get_logger().error(f"could not be configured: {self._failure}")
            return FAILURE
        finally:
            self._progress = ""
        self._failure = ""
        self._state = "inactive"
        return SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        assert self._pipeline is not None  # the life cycle configures first
        self._pipeline.publish_labels()
        self._lost = defaultdict(LostFrames)
        self._health = Health()
        self._statistics.resume()
        self._queue = FrameQueue()
        self._queue.limit_rate(self._node_parameters.settings.max_rate)
        self._worker = FrameWorker(self._queue, self._pipeline.process)
        transport = self._node_parameters.text("image_transport")
        self._state = "active"
        if self._pipeline.navigator is not None:
            self._pipeline.navigator.activate()
        self._cameras = [
            Camera(self, name, topic, transport, self._on_image)
            for name, topic in self._node_parameters.cameras.items()
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
        parameters = self._node_parameters
        model = parameters.text("model")
        names = [parameters.models.get(task) or model for task in parameters.tasks]
        folders = {name: obtain_model(name, self._report_progress) for name in dict.fromkeys(names)}
        models = TaskModels(
            {task: folders[name] for task, name in parameters.models.items() if name in folders},
            folders.get(model, model),
            parameters.tasks,
            engine=parameters.text("engine"),
            device=parameters.text("device"),
            precision=parameters.text("precision"),
            prompts=parameters.prompts,
            build_public=build_public,
        )
        parameters.declare_for(models)
        if models.unanswered:
            self.get_logger().info(f"no model for {', '.join(models.unanswered)}: no such outputs")
        for predictor in models.predictors:
            engine = predictor.engine
            self.get_logger().info(
                f"model {predictor.card.name} on {engine.name}, {engine.device}, {engine.precision}"
            )
        pipeline = Pipeline(self, models, self._statistics, parameters.settings, parameters.cameras)
        pipeline.warm_up()
        return pipeline

    def _report_progress(self, step: str) -> None:
        """Publish a step of configuring, which blocks the executor and with it the timer of /diagnostics."""
        self.get_logger().info(step)
        self._progress = step
        self._publish_diagnostics()

    def _on_image(self, camera: str, message: Image | CompressedImage) -> None:
        if self._queue is not None and self._pipeline is not None:
            image = ReceivedImage(camera, message, time.monotonic())
            fresh_only = self._pipeline.budget.effort.fresh_only
            stamp = message.header.stamp
            lost = self._lost[camera].observe(stamp.sec + stamp.nanosec / 1e9)
            self._statistics.received(self._queue.put(image, camera, fresh_only), lost)

    def _apply(self, settings: Settings) -> None:
        if self._pipeline is not None:
            self._pipeline.apply(settings)
            if self._state == "active":
                self._pipeline.publish_labels()
        if self._queue is not None:
            self._queue.limit_rate(settings.max_rate)

    def _stop(self) -> None:
        navigator = None if self._pipeline is None else self._pipeline.navigator
        if navigator is not None:
            navigator.halt()  # before anything is waited for
        for camera in self._cameras:
            camera.destroy()
        self._cameras = []
        if self._worker is not None:
            self._worker.stop()
            self._worker = self._queue = None
        if navigator is not None:
            navigator.deactivate()

    def _drop_model(self) -> None:
        if self._pipeline is not None:
            self._pipeline.destroy()
            self._pipeline = None
        self._node_parameters.release_models()

    def _report(self) -> None:
        self._replace_dead_worker()
        if self._pipeline is not None and self._queue is not None and self._queue.idle:
            self._pipeline.relax()
        self._publish_diagnostics()

    def _replace_dead_worker(self) -> None:
        death = self._worker.death if self._worker is not None else None
        if death is None:
            return
        assert self._queue is not None  # a worker has both
        assert self._pipeline is not None
        self._worker = FrameWorker(self._queue, self._pipeline.process)
        reason = f"the worker died of {type(death.error).__name__}: {death.error}; another takes its place"
        self._statistics.failed(reason, death.frames)
        self.get_logger().error(f"{reason}\n{''.join(traceback.format_exception(death.error))}")

    def _publish_diagnostics(self) -> None:
        snapshot = self._statistics.snapshot()
        report = diagnostics.Report(
            node=self.get_fully_qualified_name(),
            state=self._state,
            failure=self._failure,
            progress=self._progress,
            warnings=self._warnings(snapshot),
            facts=self._facts(),
            snapshot=snapshot,
        )
        message = DiagnosticArray(status=[diagnostics.status(report)])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)

    def _facts(self) -> dict[str, str]:
        facts = {"tasks": ", ".join(self._node_parameters.tasks)}
        if self._cameras:
            facts["input_topic"] = self._topics()
        if self._pipeline is not None:
            predictors = self._pipeline.models.predictors
            facts["model"] = ", ".join(predictor.card.name for predictor in predictors)
            for fact, name in (("engine", "name"), ("device", "device"), ("precision", "precision")):
                # One value for each model, or a single one if they are all alike.
                values = [getattr(predictor.engine, name) for predictor in predictors]
                facts[fact] = ", ".join(values if len(set(values)) > 1 else values[:1])
            if state := self._pipeline.budget.state:
                facts["latency_budget"] = state
            if self._pipeline.navigator is not None:
                facts |= self._pipeline.navigator.facts()
        return facts

    def _topics(self) -> str:
        return ", ".join(camera.topic for camera in self._cameras)

    def _warnings(self, snapshot: Snapshot) -> list[str]:
        found = [warning for camera in self._cameras for warning in camera.warnings()]
        if self._state == "active" and self._pipeline is not None:
            settings = self._node_parameters.settings
            found += self._health.warnings(snapshot, settings, self._pipeline.work)
            if self._pipeline.navigator is not None:
                found += self._pipeline.navigator.warnings()
        return [*found, *filter(None, [node_names.warning(self), self._overload()])]

    def _overload(self) -> str:
        if self._pipeline is None or not self._pipeline.budget.exhausted:
            return ""
        return f"answers come late at the least effort ({self._pipeline.budget.state}): disable some tasks"
