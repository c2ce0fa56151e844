"""The nodes' parameters: declared with descriptions, checked on every change, refused with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidTopicNameException, ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.validate_topic_name import validate_topic_name

from vit_perception.nodes.camera import camera_names
from vit_perception.runtime.card import THRESHOLDS, Card, check_thresholds
from vit_perception.runtime.engines.select import DEVICES, ENGINES, PRECISIONS
from vit_perception.runtime.locate import DEFAULT_MODEL
from vit_perception.runtime.predictor import INPUT_SCALES, MAP_SCALES
from vit_perception.tasks import DETECTION, TASKS, check_tasks

TRANSPORTS = ("raw", "compressed")
_FASTEST = 1000.0
_SLOWEST = 60_000.0


@dataclass(frozen=True)
class Settings:
    """What can change at run time.

    tasks: those to compute; max_rate: Hz, 0 is no limit; max_latency_ms: 0 is no limit; input_scale and
    map_scale: as the predictor takes them; thresholds: minimum scores by task; detection_classes: class ids
    to report, None is all.
    """

    tasks: tuple[str, ...]
    overlay: bool
    max_rate: float
    max_latency_ms: float
    input_scale: float
    map_scale: float
    thresholds: Mapping[str, float]
    detection_classes: frozenset[int] | None


class Parameters:
    """Declares the parameters of `node` and follows them.

    Those whose defaults are the model's are declared when `declare_for` learns of it.

    Args:
        tasks: the node's task; None lets the parameter `tasks` say (and `enabled_tasks` switch) them.

    Raises:
        ValueError: a value given at the start is wrong; says which and why.
    """

    def __init__(self, node: Node, tasks: tuple[str, ...] | None) -> None:
        self._node = node
        self._card: Card | None = None
        self._listener: Callable[[Settings], None] | None = None
        self._refusal = ""
        self._checks: dict[str, Callable[[Any], None]] = {
            "engine": _one_of("auto", *ENGINES),
            "device": _one_of("auto", *DEVICES),
            "precision": _one_of("auto", *PRECISIONS),
            "image_transport": _one_of(*TRANSPORTS),
            "tasks": _check_task_list,
            "enabled_tasks": self._check_enabled,
            "max_rate": _number(0, _FASTEST, "a rate: give frames a second, 0 for no limit"),
            "max_latency_ms": _number(0, _SLOWEST, "a time: give milliseconds, 0 for no limit"),
            "input_scale": _number(*INPUT_SCALES, "a size: give it in input sizes of the model"),
            "map_scale": _number(*MAP_SCALES, "a size: give it in sizes of the image"),
            "image_topics": _check_topics,
            "detection.classes": self._check_classes,
            **{f"{task}.threshold": _threshold_check(task) for task in THRESHOLDS},
        }
        node.add_on_set_parameters_callback(self._refuse)
        self._declare("model", DEFAULT_MODEL, "Name of an installed model, or a folder with model.yaml.")
        self._declare("engine", "auto", f"auto, {', '.join(ENGINES)}.")
        self._declare("device", "auto", f"auto, {', '.join(DEVICES)}; auto takes CUDA if it works.")
        self._declare("precision", "auto", f"auto, {', '.join(PRECISIONS)}; auto is the quickest there is.")
        self._declare("image_transport", "raw", "raw: Image on image. compressed: on image/compressed.")
        # An empty list has no type that ROS could hold it to.
        self._declare("image_topics", [], "Topics of several cameras; empty: image alone.", free=True)
        self._declare("autostart", True, "Configure and activate without being asked.")
        if tasks is None:
            self._declare("tasks", list(TASKS), f"Tasks to run, from: {', '.join(TASKS)}.")
            self.tasks = check_tasks(self._value("tasks"))
            self._declare("enabled_tasks", list(self.tasks), "Those of tasks to compute now.", fixed=False)
        else:
            self.tasks = check_tasks(tasks)
        # Five nodes that all draw on one topic would only flicker.
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
        node.add_post_set_parameters_callback(self._follow)

    def declare_for(self, card: Card) -> None:
        """Declare what depends on the model, once.

        Raises:
            ValueError: a value given at the start does not suit this model; says which and why.
        """
        self._card = card
        for task in THRESHOLDS:
            if task in self.tasks and task in card.tasks:
                self._declare(
                    f"{task}.threshold",
                    float(card.thresholds[task]),
                    "Least score to report, 0 to 1; by default the model's.",
                    fixed=False,
                    free=True,
                )
        if DETECTION in self.tasks and DETECTION in card.tasks:
            self._declare("detection.classes", [], "Labels to report; empty: all.", fixed=False, free=True)

    def listen(self, listener: Callable[[Settings], None]) -> None:
        """Call `listener` with the settings after each change."""
        self._listener = listener

    def text(self, name: str) -> str:
        """Value of a parameter that is a text."""
        return str(self._value(name))

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
            detection_classes=self._class_ids(self._value("detection.classes"))
            if self._has("detection.classes")
            else None,
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
        for parameter in parameters:
            try:
                self._checks.get(parameter.name, lambda _: None)(parameter.value)
            except ValueError as error:
                self._refusal = f"{parameter.name}: {error}"
                return SetParametersResult(successful=False, reason=self._refusal)
        return SetParametersResult(successful=True)

    def _follow(self, parameters: list[Parameter]) -> None:
        # Before the model is known there are no settings, and nobody who would want them.
        ours = any(parameter.name in (*self._checks, "overlay") for parameter in parameters)
        if ours and self._listener is not None:
            self._listener(self.settings)

    def _check_enabled(self, value: Any) -> None:
        _check_task_list(value)
        if extra := [task for task in value if task not in self.tasks]:
            raise ValueError(f"{extra[0]} is not among this node's tasks: {', '.join(self.tasks)}")

    def _check_classes(self, value: Any) -> None:
        self._class_ids(value)

    def _class_ids(self, labels: Any) -> frozenset[int] | None:
        """Class ids of `labels`, None if there are none. ValueError: one is nothing that can be detected."""
        if labels is None:  # what ROS makes of an empty list in a YAML file
            return None
        assert self._card is not None  # detection.classes is declared after the model is known
        if not isinstance(labels, Iterable) or isinstance(labels, (str, bytes)):
            raise ValueError(f"{labels!r} is not a list of labels")
        known = {self._card.labels[class_id]: class_id for class_id in self._card.things}
        for label in labels:
            if label not in known:
                raise ValueError(f"this model does not detect {label!r}: choose from {', '.join(known)}")
        return frozenset(known[label] for label in labels) or None


def _one_of(*choices: str) -> Callable[[Any], None]:
    def check(value: Any) -> None:
        if value not in choices:
            raise ValueError(f"{value!r} is unknown: choose from {', '.join(choices)}")

    return check


def _check_task_list(value: Any) -> None:
    if not isinstance(value, Iterable):
        raise ValueError(f"{value!r} is not a list of tasks")
    check_tasks(value)


def _check_topics(value: Any) -> None:
    if value is None:  # what ROS makes of an empty list in a YAML file
        return
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes)):
        raise ValueError(f"{value!r} is not a list of topics")
    for topic in value:
        if not isinstance(topic, str):
            raise ValueError(f"{topic!r} is not the name of a topic")
        try:
            validate_topic_name(topic)
        except InvalidTopicNameException as error:
            raise ValueError(f"{topic!r} is not the name of a topic: {error}") from None
    camera_names(list(value))


def _number(least: float, most: float, what: str) -> Callable[[Any], None]:
    def check(value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise ValueError(f"{value!r} is not {what}, from {least:g} to {most:g}")

    return check


def _threshold_check(task: str) -> Callable[[Any], None]:
    def check(value: Any) -> None:
        check_thresholds({task: value})

    return check
