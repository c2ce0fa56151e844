"""Parameters that change while the suite runs, and values that it has to refuse."""

from __future__ import annotations

from typing import Any

from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue

from vit_perception.chaos.scene import COMPILE_SECONDS, Fault, Scene

_GOOD_VALUES: dict[str, tuple[Any, ...]] = {
    "detection.threshold": (0.0, 0.05, 0.3, 1.0),
    "classification.threshold": (0.0, 0.5, 1.0),
    "max_rate": (0.0, 3.0, 10.0),
    "max_latency_ms": (0.0, 30.0, 200.0),
    "input_scale": (0.5, 1.0, 1.5),
    "map_scale": (0.1, 0.5, 1.0),
    "min_rate": (0.0, 5.0),
    "max_age_ms": (0.0, 100.0),
    "max_megapixels": (50.0, 1.0),
    "overlay": (True, False),
}
_BAD_VALUES: dict[str, tuple[Any, ...]] = {
    "detection.threshold": (3.0, -1.0, "much", float("nan")),
    "input_scale": (99.0, 0.0, float("inf")),
    "map_scale": (7.0,),
    "max_rate": (-5.0, "fast"),
    "enabled_tasks": (["flying"], 5),
    "overlay": ("maybe",),
    "model": ("no_such_model",),
    "no.such.parameter": (1,),
}
DEFAULTS = {
    "detection.threshold": 0.3,
    "classification.threshold": 0.5,
    "max_rate": 0.0,
    "max_latency_ms": 0.0,
    "input_scale": 1.0,
    "map_scale": 1.0,
    "min_rate": 0.0,
    "max_age_ms": 0.0,
    "max_megapixels": 50.0,
    "overlay": False,
}
# The first stands for the examples of the card.
_PROMPTS: tuple[list[str], ...] = (
    [],
    ["cat"],
    ["a red chair", "person", "door handle"],
    ["käfer", "猫"],
    [f"thing {n}" for n in range(30)],
)


def _good(scene: Scene) -> None:
    name = scene.pick(list(_GOOD_VALUES))
    _set_good(scene, name, scene.pick(_GOOD_VALUES[name]))


def _prompts(scene: Scene) -> None:
    """Of a model that takes some."""
    _set_good(scene, "prompts", scene.pick(_PROMPTS))


def _set_good(scene: Scene, name: str, value: Any) -> None:
    scene.observer.hush(COMPILE_SECONDS)
    if scene.suite.set_parameters({name: value}) is False:
        scene.observer.problems[f"a good value of {name} was refused"] += 1


def _bad(scene: Scene) -> None:
    name = scene.pick(list(_BAD_VALUES))
    if scene.suite.set_parameters({name: scene.pick(_BAD_VALUES[name])}):
        scene.observer.problems[f"a bad value of {name} was accepted"] += 1


def _broken(scene: Scene) -> None:
    message = ParameterMessage(name="detection.threshold", value=ParameterValue(type=255))
    if scene.suite.set_messages([message]):
        scene.observer.problems["a parameter of type 255 was accepted"] += 1


def _many(scene: Scene) -> None:
    for _ in range(20):
        scene.suite.set_parameters({"detection.threshold": float(scene.rng.random())})


PROMPTS = "other prompts"
PARAMETER_FAULTS: dict[str, Fault] = {
    "good parameter": _good,
    PROMPTS: _prompts,
    "bad parameter": _bad,
    "parameter of a broken type": _broken,
    "twenty parameters at once": _many,
}
