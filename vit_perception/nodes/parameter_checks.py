"""Checks of parameter values: each raises ValueError, which names the value and what to give instead."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence, Sized
from typing import Any

from rclpy.exceptions import InvalidTopicNameException
from rclpy.validate_topic_name import validate_topic_name

from vit_perception.cards.card import check_thresholds
from vit_perception.nodes.camera_names import camera_names
from vit_perception.runtime.task_models import TaskModels
from vit_perception.tasks import check_tasks

Check = Callable[[Any], None]
# What ROS makes of an empty list, and of null, in a YAML file.
_EMPTY = (None, "null", "~")
# Longest list of choices in an error.
_MOST_LISTED = 20


def any_value(value: Any) -> None:
    """For a parameter that takes every value of its type."""


def one_of(*choices: str) -> Check:
    def check(value: Any) -> None:
        if value not in choices:
            raise ValueError(f"{value!r} is unknown: choose from {', '.join(choices)}")

    return check


def number(least: float, most: float, what: str) -> Check:
    def check(value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise ValueError(f"{value!r} is not {what}, from {least:g} to {most:g}")

    return check


def whole_number(least: int, most: int, what: str) -> Check:
    def check(value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"{value!r} is not {what}, a whole number from {least} to {most}")

    return check


def threshold(task: str) -> Check:
    def check(value: Any) -> None:
        check_thresholds({task: value})

    return check


def task_list(value: Any) -> None:
    check_tasks(texts(value, "tasks"))


def topics(value: Any) -> None:
    for topic in texts(value, "topics"):
        try:
            validate_topic_name(topic)
        except InvalidTopicNameException as error:
            raise ValueError(f"{topic!r} is not the name of a topic: {error}") from None
    camera_names(texts(value, "topics"))


def frame(value: Any) -> None:
    if not isinstance(value, str) or not value.strip("/ "):
        raise ValueError(f"{value!r} is not the name of a frame: give one such as base_link")


def prompts(value: Any) -> None:
    texts(value, "prompts")


def labels(value: Any) -> None:
    texts(value, "labels")


def is_empty_list(value: Any) -> bool:
    """Whether a parameter's value is a list without elements, of whatever type, or stands for one."""
    return value in _EMPTY or (not isinstance(value, str) and isinstance(value, Sized) and not len(value))


def texts(value: Any, what: str) -> list[str]:
    """A parameter's value as a list of texts.

    Args:
        what: the texts are, for the error.

    Raises:
        ValueError: it is not a list, or not one of texts.
    """
    if is_empty_list(value):
        return []
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes)):
        raise ValueError(f"{value!r} is not a list of {what}")
    found = list(value)
    if wrong := [each for each in found if not isinstance(each, str)]:
        raise ValueError(f"{wrong[0]!r} in the list of {what} is not a text")
    return found


def among(names: Sequence[str], choices: Sequence[str], what: str) -> None:
    """Check that all names are among the choices.

    Args:
        what: the beginning of the error, before the wrong name.

    Raises:
        ValueError: a name is not; suggests those that are spelt alike.
    """
    for label in names:
        if label in choices:
            continue
        folded = {choice.casefold(): choice for choice in choices}
        near = [folded[each] for each in difflib.get_close_matches(label.casefold(), folded, n=3, cutoff=0.6)]
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"choose from {_some(choices)}"
        raise ValueError(f"{what} {label!r}: {hint}")


def _some(choices: Sequence[str]) -> str:
    listed = list(dict.fromkeys(choices))
    rest = len(listed) - _MOST_LISTED
    return ", ".join(listed[:_MOST_LISTED]) + (f" and {rest} more, see label_info" if rest > 0 else "")


def scale_of_models(value: Any, models: TaskModels | None) -> None:
    """Refuse to scale the input of models that take one size, once they are known."""
    if models is not None and value != 1 and not models.scalable:
        name = models.predictors[0].card.name
        raise ValueError(f"model {name} takes only one input size, so input_scale stays 1")
