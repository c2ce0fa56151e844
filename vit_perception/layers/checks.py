"""Checks that the config classes share. Each refusal names the field and its value."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any


def is_number(value: Any) -> bool:
    """Whether a value is a finite number; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_count(value: Any, least: int = 1) -> bool:
    """Whether a value is a whole number of at least `least`."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _refusal(name: str, expected: str, value: Any) -> ValueError:
    return ValueError(f"{name} must be {expected}, not {value!r}")


def check_counts(config: Any, *names: str, least: int = 1) -> None:
    """Check that these fields are whole numbers of at least `least`, which is 0 or 1.

    Raises:
        ValueError: one of them is not.
    """
    expected = "a positive whole number" if least else "a whole number that is not negative"
    for name in names:
        if not is_count(value := getattr(config, name), least):
            raise _refusal(name, expected, value)


def check_numbers(config: Any, *names: str, low: float = 0.0, high: float = math.inf) -> None:
    """Check that these fields are numbers between `low` and `high`, both excluded.

    Raises:
        ValueError: one of them is not.
    """
    expected = "positive" if (low, high) == (0.0, math.inf) else f"a number in ({low:g}, {high:g})"
    for name in names:
        value = getattr(config, name)
        if not is_number(value) or not low < value < high:
            raise _refusal(name, expected, value)


def check_probability(config: Any, name: str) -> None:
    """Check that a field is a probability below one.

    Raises:
        ValueError: it is not.
    """
    value = getattr(config, name)
    if not is_number(value) or not 0.0 <= value < 1.0:
        raise _refusal(name, "a probability in [0, 1)", value)


def check_not_negative(config: Any, *names: str) -> None:
    """Check that these fields are numbers that are not negative.

    Raises:
        ValueError: one of them is not.
    """
    for name in names:
        value = getattr(config, name)
        if not is_number(value) or value < 0:
            raise _refusal(name, "a number that is not negative", value)


def check_weights(config: Any) -> None:
    """The same of all fields."""
    check_not_negative(config, *(each.name for each in dataclasses.fields(config)))


def check_flags(config: Any, *names: str) -> None:
    """Check that these fields are true or false.

    Raises:
        ValueError: one of them is not.
    """
    for name in names:
        if not isinstance(value := getattr(config, name), bool):
            raise _refusal(name, "true or false", value)


def set_counts(config: Any, name: str, length: int | None = None, least: int = 1) -> None:
    """Turn a field of a frozen config into a tuple of whole numbers; YAML gives a list.

    Args:
        config: the frozen dataclass.
        name: its field.
        length: how many numbers there must be, None for any number but none.
        least: the smallest number allowed, 0 or 1.

    Raises:
        ValueError: it is something else.
    """
    value = getattr(config, name)
    valid = isinstance(value, (list, tuple)) and all(is_count(number, least) for number in value)
    if not valid or (len(value) != length if length else not value):
        kind = "positive whole numbers" if least else "whole numbers that are not negative"
        raise _refusal(name, f"{length or 'one or more'} {kind}", value)
    object.__setattr__(config, name, tuple(value))


def set_nested(config: Any, name: str, kind: type[Any]) -> None:
    """Turn a field of a frozen config into a `kind`, another config; YAML gives a mapping of its fields.

    Raises:
        ValueError: it is something else, or a field of it is unknown or wrong.
    """
    value = getattr(config, name)
    if isinstance(value, Mapping):
        try:
            value = kind(**value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}: {error}") from error
        object.__setattr__(config, name, value)
    if not isinstance(value, kind):
        raise _refusal(name, f"a {kind.__name__} or a mapping of its fields", value)
