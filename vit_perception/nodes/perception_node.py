"""The lifecycle node behind all seven executables, which differ only in their tasks."""

from __future__ import annotations

import contextlib
import gc
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import ParameterDescriptor
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleState, Node, TransitionCallbackReturn
from sensor_msgs.msg import CompressedImage, Image

from vit_perception.nodes.camera import Cameras
from vit_perception.nodes.camera_images import ReceivedImage
from vit_perception.nodes.frame_queue import FrameQueue, FrameWorker
from vit_perception.nodes.loader import Loader
from vit_perception.nodes.parameter_types import with_range
from vit_perception.nodes.parameters import Parameters
from vit_perception.nodes.pipeline import Pipeline
from vit_perception.nodes.reporter import Reporter
from vit_perception.nodes.services import beside, configures, mend_services
from vit_perception.nodes.settings import Settings
from vit_perception.nodes.statistics import Statistics
from vit_perception.runtime.task_models import TaskModels

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE

_REPORT_SECONDS = 1.0
# How often to look whether somebody subscribes to results.
_ATTEND_SECONDS = 0.1


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
        mend_services(
            self,
            {
                ChangeState: self._prepare_transition,
                SetParameters: self._prepare_parameters,
                SetParametersAtomically: self._prepare_parameters,
            },
        )
        self._loader = Loader(self._node_parameters, self._report_progress)
        self._statistics = Statistics()
        self._reporter = Reporter(self, self._node_parameters, self._statistics)
        self._pipeline: Pipeline | None = None
        self._cameras: Cameras | None = None
        self._queue: FrameQueue[ReceivedImage] | None = None
        self._worker: FrameWorker[ReceivedImage] | None = None
        # Reports go on while simulated time stands still, or before the first /clock.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(_REPORT_SECONDS, self._report, clock=steady)
        self.create_timer(_ATTEND_SECONDS, self._attend, clock=steady)

    @property
    def autostart(self) -> bool:
        """Whether the node is to be started without a lifecycle manager."""
        return bool(self._node_parameters.value("autostart"))

    def describe_parameter(self, name: str) -> ParameterDescriptor:
        """As of rclpy's node, with the range of a number."""
        return with_range(super().describe_parameter(name))

    def start(self) -> bool:
        """Configure and activate. False, with the reason in the log, if that fails."""
        return self.trigger_configure() == SUCCESS and self.trigger_activate() == SUCCESS

    async def start_beside(self) -> None:
        """The same for a node whose executor spins, and goes on while the models are loaded."""
        await beside(self, "loading", self._loader.prepare)
        if self._reporter.state == "unconfigured":  # and not shut down meanwhile
            self.start()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._reporter.failure = ""
        try:
            self._pipeline = self._make_pipeline(self._loader.take())
        except Exception as error:  # no error of a model may end a managed node
            self._node_parameters.release_models()
            self._reporter.failure = str(error) or type(error).__name__
            self.get_logger().error(f"could not be configured: {self._reporter.failure}")
            return FAILURE
        finally:
            self._reporter.progress = ""
        self._reporter.state = "inactive"
        return SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        assert self._pipeline is not None  # the life cycle configures first
        self._pipeline.activate()
        self._reporter.begin()
        self._statistics.resume()
        self._queue = FrameQueue()
        self._queue.limit_rate(self._node_parameters.settings.max_rate)
        self._worker = FrameWorker(self._queue, self._pipeline.process)
        transport = self._node_parameters.text("image_transport")
        self._reporter.state = "active"
        self._cameras = Cameras(self, self._node_parameters.cameras, transport, self._on_image)
        self._attend()
        self.get_logger().info(f"active: waiting for {self._cameras.topics}")
        return SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._stop()
        self._reporter.state = "inactive"
        return SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._drop_model()
        self._reporter.state = "unconfigured"
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._stop()
        self._drop_model()
        self._reporter.state = "finalized"
        return SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._stop()
        self._drop_model()
        self._reporter.state = "unconfigured"
        return SUCCESS

    def destroy_node(self) -> None:
        self._stop()
        super().destroy_node()

    def _make_pipeline(self, models: TaskModels) -> Pipeline:
        parameters = self._node_parameters
        parameters.declare_for(models)
        if models.unanswered:
            self.get_logger().info(f"no model for {', '.join(models.unanswered)}: no such outputs")
        for predictor in models.predictors:
            engine = predictor.engine
            self.get_logger().info(
                f"model {predictor.card.name} on {engine.name}, {engine.device}, {engine.precision}"
            )
        return Pipeline(self, models, self._statistics, parameters.settings, parameters.cameras)

    def _prepare_transition(self, request: ChangeState.Request) -> Callable[[], None] | None:
        """What takes time before a transition: to configure, the models are loaded."""
        if not configures(request) or self._reporter.state != "unconfigured":
            return None
        if self._loader.loading:
            raise ValueError("the node is being configured")
        self._reporter.failure = ""
        return self._loader.prepare

    def _prepare_parameters(
        self, request: SetParameters.Request | SetParametersAtomically.Request
    ) -> Callable[[], None] | None:
        """What takes time before parameters can be checked: prompts are encoded."""
        given = {parameter.name: parameter.value for parameter in request.parameters}
        if "prompts" not in given or self._pipeline is None:
            return None
        models, prompts = self._pipeline.models, list(given["prompts"].string_array_value)

        def encode() -> None:
            self._reporter.progress = "prompts are being encoded"
            try:
                with contextlib.suppress(ValueError, FileNotFoundError):  # the check says it again
                    models.prepare_prompts(prompts)
            finally:
                self._reporter.progress = ""

        return encode

    def _report_progress(self, step: str) -> None:
        """Publish a step that takes time. In whichever thread it is taken: the executor may wait for it."""
        self.get_logger().info(step)
        self._reporter.progress = step
        self._reporter.publish(self._pipeline, self._cameras)

    def _on_image(self, camera: str, message: Image | CompressedImage, lost: int) -> None:
        if self._queue is not None and self._pipeline is not None:
            image = ReceivedImage(camera, message, time.monotonic())
            fresh_only = self._pipeline.budget.effort.fresh_only
            self._statistics.received(self._queue.put(image, camera, fresh_only), lost)

    def _apply(self, settings: Settings) -> None:
        if self._pipeline is not None:
            self._pipeline.apply(settings, announce=self._reporter.state == "active")
        if self._queue is not None:
            self._queue.limit_rate(settings.max_rate)

    def _attend(self) -> None:
        if self._cameras is not None and self._pipeline is not None:
            self._pipeline.attend()  # before images, which then find it
            self._cameras.attend(self._pipeline.wanted)

    def _stop(self) -> None:
        navigator = None if self._pipeline is None else self._pipeline.navigator
        if navigator is not None:
            navigator.halt()  # before anything is waited for
        if self._cameras is not None:
            self._cameras.destroy()
            self._cameras = None
        if self._worker is not None:
            self._worker.stop(self._pipeline.models.interrupt if self._pipeline else lambda: None)
            self._worker = self._queue = None
        if self._pipeline is not None:
            self._pipeline.deactivate()

    def _drop_model(self) -> None:
        if self._pipeline is not None:
            self._pipeline.destroy()
            self._pipeline = None
            gc.collect()  # engines are in cycles, and hold a hundred megabytes
        self._node_parameters.release_models()

    def _report(self) -> None:
        self._replace_dead_worker()
        if self._pipeline is not None and self._queue is not None and self._queue.idle:
            self._pipeline.relax()
        self._reporter.publish(self._pipeline, self._cameras)

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
