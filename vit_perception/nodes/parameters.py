"""The parameters of a node: declared from the table, checked on every change, refused with a reason."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

from vit_perception.cards.card import THRESHOLDS
from vit_perception.nodes import parameter_checks as checks
from vit_perception.nodes.camera_names import camera_names
from vit_perception.nodes.class_names import check_classes, class_ids
from vit_perception.nodes.depth.settings import depth_settings
from vit_perception.nodes.navigation.parameter_values import check_drive, check_shows, navigation_settings
from vit_perception.nodes.navigation.settings import ACTION
from vit_perception.nodes.parameter_spec import Change, ParameterSpec
from vit_perception.nodes.parameter_table import FILTERED, PARAMETERS
from vit_perception.nodes.parameter_types import with_type, with_types
from vit_perception.nodes.settings import Settings
from vit_perception.runtime.request import Request
from vit_perception.runtime.task_models import TaskModels
from vit_perception.tasks import ATTENTION, NAVIGATION, TASKS, check_tasks

# Those of `Settings` by the same names.
_NUMBERS = ("max_rate", "max_latency_ms", "min_rate", "max_age_ms", "max_megapixels", "smoothing")


class Parameters:
    """Declares the parameters of a node and checks each change.

    Parameters whose defaults or values depend on the models are declared by `declare_for`.

    Args:
        tasks: those of the node; None: they are a parameter, as in the suite.

    Attributes:
        tasks: those of the node.

    Raises:
        ValueError: a value given at the start is wrong; the message names it and says why.
    """

    def __init__(self, node: Node, tasks: tuple[str, ...] | None) -> None:
        self._node = node
        self._suite = tasks is None
        self.tasks = TASKS if tasks is None else check_tasks(tasks)
        self._models: TaskModels | None = None
        self._loading = False
        self._declared_for: tuple[str, ...] = ()
        self._on_change: Callable[[Settings], None] | None = None
        self._refusal = ""
        # Why the model refuses a parameter's value; empty once another is set in its place.
        self._refused: dict[str, str] = {}
        # Prompts that are set together with the value being checked: a class filter may name them.
        self._new_prompts: list[str] = []
        # Checks beyond those of the table, against the node and its models.
        self._checks: dict[str, checks.Check] = {
            "enabled_tasks": self._check_enabled,
            "input_scale": lambda value: checks.scale_of_models(value, self._models),
            "navigation.drive": lambda value: check_drive(value, self._models, self.cameras),
            "attention.shows": lambda value: check_shows(value, self._models),
            "prompts": self._check_prompts,
            **{f"{task}.classes": self._class_check(task) for task in FILTERED},
        }
        node.add_on_set_parameters_callback(self._validate)
        for spec in PARAMETERS.values():
            if not spec.from_model and (self._suite or not spec.suite_only):
                self._declare(spec)
                if spec.name == "tasks":
                    self.tasks = check_tasks(self.value("tasks"))
        node.add_pre_set_parameters_callback(with_types)
        node.add_post_set_parameters_callback(self._notify)

    def declare_for(self, models: TaskModels) -> None:
        """Declare what depends on the models; for other models than before, with their own defaults.

        Raises:
            ValueError: a value does not suit these models; the message says why. It can be set anew.
        """
        names = tuple(predictor.card.name for predictor in models.predictors)
        specs = [spec for spec in PARAMETERS.values() if spec.from_model]
        if names != self._declared_for:
            for spec in specs:
                if self._has(spec.name):
                    self._node.undeclare_parameter(spec.name)
            self._refused.clear()
        self._models, self._declared_for = models, names
        try:
            for name in ("input_scale", "navigation.drive", "attention.shows"):
                if self._has(name) and (reason := self._validate([self._node.get_parameter(name)]).reason):
                    raise ValueError(reason)
            for spec in specs:
                if not set(spec.tasks).isdisjoint(models.tasks):
                    self._declare_for_model(spec)
            if reasons := "; ".join(filter(None, self._refused.values())):
                raise ValueError(f"{reasons}: set another value, then configure the node")
        except ValueError:
            self.release_models()
            raise

    @contextmanager
    def kept_for_loading(self) -> Iterator[None]:
        """Refuse changes of what the models are loaded by."""
        self._loading = True
        try:
            yield
        finally:
            self._loading = False

    def release_models(self) -> None:
        """Forget the models; the parameters that choose them can change again."""
        self._models = None

    def on_change(self, callback: Callable[[Settings], None]) -> None:
        """Call `callback` with the new settings after each change."""
        self._on_change = callback

    def value(self, name: str) -> Any:
        """Value of a parameter, as ROS has it."""
        return self._node.get_parameter(name).value

    def text(self, name: str) -> str:
        """Value of a parameter that is a text."""
        return str(self.value(name))

    @property
    def models(self) -> dict[str, str]:
        """The models that were chosen for single tasks, by task."""
        return {task: self.text(f"{task}.model") for task in self.tasks if self._has(f"{task}.model")}

    @property
    def prompts(self) -> list[str]:
        return checks.texts(self.value("prompts"), "prompts")

    @property
    def cameras(self) -> dict[str, str]:
        """Topic by the name of its camera, see `camera_names`."""
        return camera_names(list(self.value("image_topics") or ()))

    @property
    def settings(self) -> Settings:
        """The run-time parameters as they are now; needs `declare_for`."""
        thresholds = {
            task: float(self.value(f"{task}.threshold"))
            for task in THRESHOLDS
            if self._has(f"{task}.threshold")
        }
        classes = {
            task: ids
            for task in FILTERED
            if self._has(f"{task}.classes") and (ids := self._class_ids(task)) is not None
        }
        return Settings(
            request=Request(
                tuple(self.value("enabled_tasks")) if self._suite else self.tasks,
                thresholds,
                float(self.value("input_scale")),
                float(self.value("map_scale")),
                ATTENTION in self.tasks and self.value("attention.shows") == ACTION,
            ),
            overlay=bool(self.value("overlay")),
            **{name: float(self.value(name)) for name in _NUMBERS},
            classes=classes,
            prompts=tuple(self.prompts),
            navigation=navigation_settings(self.value) if NAVIGATION in self.tasks else None,
            depth=depth_settings(self.value, self._has),
        )

    def _declare_for_model(self, spec: ParameterSpec) -> None:
        """Declare a parameter, or note that the model refuses its value. Declared it is in any case, so that
        another value can be set."""
        if spec.name not in self._refused:
            try:
                self._declare(spec)
            except ValueError as error:
                self._declare(spec, ignore_override=True)
                self._refused[spec.name] = str(error)
        elif not self._refused[spec.name]:
            self._refused[spec.name] = self._validate([self._node.get_parameter(spec.name)]).reason

    def _declare(self, spec: ParameterSpec, ignore_override: bool = False) -> None:
        if self._has(spec.name) or (spec.tasks and set(spec.tasks).isdisjoint(self.tasks)):
            return
        # A list becomes read-only once it has its type.
        fixed = spec.change is Change.NEVER
        descriptor = ParameterDescriptor(
            description=spec.description,
            read_only=fixed and not spec.is_list,
            dynamic_typing=spec.any_type,
        )
        self._refusal = ""
        try:
            self._node.declare_parameter(spec.name, self._default(spec), descriptor, ignore_override)
        except ParameterException as error:
            raise ValueError(self._refusal or str(error)) from None
        if spec.is_list:
            self._node.set_parameters([with_type(self._node.get_parameter(spec.name))])
            typed = copy.copy(descriptor)
            typed.read_only = fixed
            self._node.set_descriptor(spec.name, typed)

    def _default(self, spec: ParameterSpec) -> Any:
        if spec.name == "overlay":
            return self._suite  # nodes of one task would take turns on the one topic
        if spec.name == "enabled_tasks":
            return list(self.tasks)
        if spec.name in (f"{task}.threshold" for task in THRESHOLDS):
            assert self._models is not None  # thresholds are declared for models
            (task,) = spec.tasks
            return float(self._models.card(task).thresholds[task])
        return spec.default

    def _has(self, name: str) -> bool:
        return bool(self._node.has_parameter(name))

    def _validate(self, parameters: list[Parameter]) -> SetParametersResult:
        given = {parameter.name: parameter.value for parameter in parameters}
        # Prompts come last, since their check may take seconds.
        for name in sorted(given, key=lambda name: name == "prompts"):
            try:
                if given[name] is None and self._has(name):  # ROS would undeclare it
                    raise ValueError("a parameter of this node cannot be deleted: give it a value")
                self._new_prompts = checks.texts(given.get("prompts"), "prompts")
                self._check(name, given[name])
            except ValueError as error:
                self._refusal = f"{name}: {error}"
                return SetParametersResult(successful=False, reason=self._refusal)
        return SetParametersResult(successful=True)

    def _check(self, name: str, value: Any) -> None:
        spec = PARAMETERS.get(name)
        if spec is None:
            return  # one of rclpy's own
        spec.check(value)
        fixed = spec.change is Change.UNCONFIGURED and (self._models is not None or self._loading)
        if fixed and value != self.value(name):  # its own value comes with a dump of its parameters
            raise ValueError(
                "read-only while the node is configured: first ros2 lifecycle set "
                f"{self._node.get_fully_qualified_name()} deactivate, then cleanup"
            )
        if name in self._checks:
            self._checks[name](value)

    def _notify(self, parameters: list[Parameter]) -> None:
        for name in self._refused.keys() & {parameter.name for parameter in parameters}:
            self._refused[name] = ""
        # Settings are complete once the models are known, and nobody needs them earlier.
        ours = any(parameter.name in PARAMETERS for parameter in parameters)
        if ours and self._on_change is not None and self._models is not None:
            self._on_change(self.settings)

    def _check_enabled(self, value: Any) -> None:
        if extra := [task for task in value if task not in self.tasks]:
            raise ValueError(f"{extra[0]} is not among this node's tasks: {', '.join(self.tasks)}")

    def _check_prompts(self, value: Any) -> None:
        prompts = checks.texts(value, "prompts")
        if self._models is not None and (prompts or self._models.takes_prompts):
            self._models.prepare_prompts(prompts)

    def _class_check(self, task: str) -> checks.Check:
        def check(value: Any) -> None:
            names = checks.texts(value, "labels")
            if self._models is not None:
                check_classes(names, task, self._models, self._new_prompts or self.prompts)
            elif f"{task}.classes" not in self._refused:  # the model checks that when it is there
                raise ValueError("the model says which classes there are: configure the node first")

        return check

    def _class_ids(self, task: str) -> frozenset[int] | None:
        """Class ids that the filter of a task keeps; None: all."""
        assert self._models is not None  # filters are declared for models
        names = checks.texts(self.value(f"{task}.classes"), "labels")
        return class_ids(names, task, self._models, self._new_prompts or self.prompts)
