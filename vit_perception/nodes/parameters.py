"""The nodes' parameters: declared with descriptions, checked on every change, refused with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

from vit_perception.cards.card import THRESHOLDS
from vit_perception.cards.locate import DEFAULT_MODEL
from vit_perception.nodes import parameter_checks as checks
from vit_perception.nodes.camera import camera_names
from vit_perception.runtime.engines.select import DEVICES, ENGINES, PRECISIONS
from vit_perception.runtime.predictor import INPUT_SCALES, MAP_SCALES
from vit_perception.runtime.task_models import TaskModels
from vit_perception.tasks import CLASSIFICATION, DETECTION, TASKS, check_tasks

TRANSPORTS = ("raw", "compressed")
# Tasks whose answers can be kept to some classes.
FILTERED = (CLASSIFICATION, DETECTION)
_FASTEST = 1000.0
_SLOWEST = 60_000.0
_MODEL = "Name of an installed model, a folder, hf:ORG/NAME[@REVISION], timm:NAME or torchvision:NAME."


@dataclass(frozen=True)
class Settings:
    """What can change at run time.

    tasks: those to compute; max_rate: Hz, 0 is no limit; max_latency_ms: 0 is no limit; input_scale and
    map_scale: as the predictor takes them; thresholds: minimum scores by task; classes: class ids to report
    by task, all of a task that is not in it.
    """

    tasks: tuple[str, ...]
    overlay: bool
    max_rate: float
    max_latency_ms: float
    input_scale: float
    map_scale: float
    thresholds: Mapping[str, float]
    classes: Mapping[str, frozenset[int]]


class Parameters:
    """Declares the parameters of `node` and follows them.

    Those whose defaults are the models' are declared when `declare_for` learns of them.

    Args:
        tasks: the node's task; None lets the parameter `tasks` say (and `enabled_tasks` switch) them.

    Raises:
        ValueError: a value given at the start is wrong; says which and why.
    """

    def __init__(self, node: Node, tasks: tuple[str, ...] | None) -> None:
        self._node = node
        self._panel: TaskModels | None = None
        self._declared_for: tuple[str, ...] = ()
        self._listener: Callable[[Settings], None] | None = None
        self._refusal = ""
        # Of the change that is being checked: its filters are of its prompts.
        self._coming_prompts: list[str] = []
        self._checks: dict[str, checks.Check] = {
            "model": self._check_unconfigured,
            **{f"{task}.model": self._check_unconfigured for task in TASKS},
            "engine": self._unconfigured(checks.one_of("auto", *ENGINES)),
            "device": self._unconfigured(checks.one_of("auto", *DEVICES)),
            "precision": self._unconfigured(checks.one_of("auto", *PRECISIONS)),
            "image_transport": checks.one_of(*TRANSPORTS),
            "tasks": checks.task_list,
            "enabled_tasks": self._check_enabled,
            "max_rate": checks.number(0, _FASTEST, "a rate: give frames a second, 0 for no limit"),
            "max_latency_ms": checks.number(0, _SLOWEST, "a time: give milliseconds, 0 for no limit"),
            "input_scale": self._check_input_scale,
            "map_scale": checks.number(*MAP_SCALES, "a size: give it in sizes of the image"),
            "image_topics": checks.topics,
            "prompts": self._check_prompts,
            **{f"{task}.classes": self._class_check(task) for task in FILTERED},
            **{f"{task}.threshold": checks.threshold(task) for task in THRESHOLDS},
        }
        node.add_on_set_parameters_callback(self._refuse)
        # What only a configured node cannot change: one that could not be configured gets another model so.
        self._declare("model", DEFAULT_MODEL, _MODEL, fixed=False)
        self._declare("engine", "auto", f"auto, {', '.join(ENGINES)}.", fixed=False)
        self._declare(
            "device", "auto", f"auto, {', '.join(DEVICES)}; auto takes CUDA if it works.", fixed=False
        )
        self._declare(
            "precision", "auto", f"auto, {', '.join(PRECISIONS)}; auto is the quickest there is.", fixed=False
        )
        self._declare("image_transport", "raw", "raw: Image on image. compressed: on image/compressed.")
        # An empty list has no type that ROS could hold it to.
        self._declare("image_topics", [], "Topics of several cameras; empty: image alone.", free=True)
        self._declare("autostart", True, "Configure and activate without being asked.")
        if tasks is None:
            self._declare("tasks", list(TASKS), f"Tasks to run, from: {', '.join(TASKS)}.")
            self.tasks = check_tasks(self._value("tasks"))
            self._declare("enabled_tasks", list(self.tasks), "Those of tasks to compute now.", fixed=False)
            for task in self.tasks:
                self._declare(f"{task}.model", "", f"Model for {task}; empty: model.", fixed=False)
        else:
            self.tasks = check_tasks(tasks)
        # Nodes that all draw on one topic would only flicker.
        self._declare("overlay", tasks is None, "Publish overlay: the answers on the frame.", fixed=False)
        # Whole numbers are welcome too, so that `max_rate:=10` works.
        self._declare("max_rate", 0.0, "Most frames a second to look at; 0: all.", fixed=False, free=True)
        self._declare(
            "max_latency_ms",
            0.0,
            "Least effort that answers a frame in this time after its arrival; 0: full effort.",
            fixed=False,
            free=True,
        )
        self._declare("input_scale", 1.0, "Network input, in the model's sizes.", fixed=False, free=True)
        self._declare("map_scale", 1.0, "Masks and heat maps, in the image's size.", fixed=False, free=True)
        self._declare(
            "prompts", [], "What a model with an open vocabulary looks for.", fixed=False, free=True
        )
        node.add_post_set_parameters_callback(self._follow)

    def declare_for(self, panel: TaskModels) -> None:
        """Declare what depends on the models; of other ones than before, with their own defaults.

        Raises:
            ValueError: a value given at the start does not suit these models; says which and why.
        """
        names = tuple(predictor.card.name for predictor in panel.predictors)
        if names != self._declared_for:
            for task in TASKS:
                for name in (f"{task}.threshold", f"{task}.classes"):
                    if self._has(name):
                        self._node.undeclare_parameter(name)
        self._panel, self._declared_for = panel, names
        try:
            self._check_input_scale(self._value("input_scale"))
            for task in THRESHOLDS:
                if task in panel.tasks:
                    self._declare(
                        f"{task}.threshold",
                        float(panel.card(task).thresholds[task]),
                        "Least score to report, 0 to 1; by default the model's.",
                        fixed=False,
                        free=True,
                    )
            for task in FILTERED:
                if task in panel.tasks:
                    self._declare(
                        f"{task}.classes", [], "Labels to report; empty: all.", fixed=False, free=True
                    )
        except ValueError:
            self.release()
            raise

    def release(self) -> None:
        """The node has no models any more."""
        self._panel = None

    def listen(self, listener: Callable[[Settings], None]) -> None:
        """Call `listener` with the settings after each change."""
        self._listener = listener

    def text(self, name: str) -> str:
        """Value of a parameter that is a text."""
        return str(self._value(name))

    @property
    def models(self) -> dict[str, str]:
        """The models that were chosen for a task."""
        return {task: self.text(f"{task}.model") for task in self.tasks if self._has(f"{task}.model")}

    @property
    def prompts(self) -> list[str]:
        return checks.texts(self._value("prompts"), "prompts")

    @property
    def cameras(self) -> dict[str, str]:
        """Topic by the name of its camera, see `camera_names`."""
        return camera_names(list(self._value("image_topics") or ()))

    @property
    def autostart(self) -> bool:
        return bool(self._value("autostart"))

    @property
    def settings(self) -> Settings:
        """As the parameters are now; needs `declare_for`."""
        enabled = self._value("enabled_tasks") if self._has("enabled_tasks") else self.tasks
        return Settings(
            tasks=check_tasks(enabled),
            overlay=bool(self._value("overlay")),
            max_rate=float(self._value("max_rate")),
            max_latency_ms=float(self._value("max_latency_ms")),
            input_scale=float(self._value("input_scale")),
            map_scale=float(self._value("map_scale")),
            thresholds={
                task: float(self._value(f"{task}.threshold"))
                for task in THRESHOLDS
                if self._has(f"{task}.threshold")
            },
            classes={
                task: ids
                for task in FILTERED
                if self._has(f"{task}.classes") and (ids := self._class_ids(task)) is not None
            },
        )

    def _declare(
        self, name: str, default: Any, description: str, fixed: bool = True, free: bool = False
    ) -> None:
        if self._has(name):
            return
        descriptor = ParameterDescriptor(description=description, read_only=fixed, dynamic_typing=free)
        self._refusal = ""
        try:
            self._node.declare_parameter(name, default, descriptor)
        except ParameterException as error:
            raise ValueError(self._refusal or str(error)) from None

    def _has(self, name: str) -> bool:
        return bool(self._node.has_parameter(name))

    def _value(self, name: str) -> Any:
        return self._node.get_parameter(name).value

    def _refuse(self, parameters: list[Parameter]) -> SetParametersResult:
        given = {parameter.name: parameter.value for parameter in parameters}
        # Last, for prompts take effect as they are checked: nothing else may refuse after them.
        for name in sorted(given, key=lambda name: name == "prompts"):
            try:
                self._coming_prompts = checks.texts(given.get("prompts"), "prompts")
                self._checks.get(name, lambda _: None)(given[name])
            except ValueError as error:
                self._refusal = f"{name}: {error}"
                return SetParametersResult(successful=False, reason=self._refusal)
        return SetParametersResult(successful=True)

    def _follow(self, parameters: list[Parameter]) -> None:
        # Before the model is known there are no settings, and nobody who would want them.
        ours = any(parameter.name in (*self._checks, "overlay") for parameter in parameters)
        if ours and self._listener is not None and self._panel is not None:
            self._listener(self.settings)

    def _check_unconfigured(self, value: Any) -> None:
        if self._panel is not None:
            raise ValueError(
                "read-only while the node is configured: first ros2 lifecycle set "
                f"{self._node.get_fully_qualified_name()} deactivate, then cleanup"
            )

    def _unconfigured(self, check: checks.Check) -> checks.Check:
        def both(value: Any) -> None:
            check(value)
            self._check_unconfigured(value)

        return both

    def _check_enabled(self, value: Any) -> None:
        checks.task_list(value)
        if extra := [task for task in value if task not in self.tasks]:
            raise ValueError(f"{extra[0]} is not among this node's tasks: {', '.join(self.tasks)}")

    def _check_input_scale(self, value: Any) -> None:
        checks.number(*INPUT_SCALES, "a size: give it in input sizes of the model")(value)
        if self._panel is not None and value != 1 and not self._panel.scalable:
            name = self._panel.predictors[0].card.name
            raise ValueError(f"model {name} takes one input size alone, so input_scale stays 1")

    def _check_prompts(self, value: Any) -> None:
        prompts = checks.texts(value, "prompts")
        if self._panel is not None and (prompts or self._panel.takes_prompts):
            self._panel.set_prompts(prompts)

    def _class_check(self, task: str) -> checks.Check:
        def check(value: Any) -> None:
            labels = checks.texts(value, "labels")
            checks.known(labels, self._choices(task), f"the model of {task} knows no")

        return check

    def _choices(self, task: str) -> list[str]:
        """Names of the classes that `task` can report, those of prompts that come with the same change."""
        assert self._panel is not None  # filters are declared after the models are known
        card = self._panel.card(task)
        if card.open_vocabulary and self._coming_prompts:
            return self._coming_prompts
        return [card.labels[class_id] for class_id in card.things] if task == DETECTION else list(card.labels)

    def _class_ids(self, task: str) -> frozenset[int] | None:
        """Class ids that the filter lets through, None if all. Labels that went with old prompts let none."""
        wanted: Iterable[str] = checks.texts(self._value(f"{task}.classes"), "labels")
        if not wanted:
            return None
        assert self._panel is not None  # see _choices
        labels = self._panel.card(task).labels
        return frozenset(class_id for class_id, label in enumerate(labels) if label in set(wanted))
