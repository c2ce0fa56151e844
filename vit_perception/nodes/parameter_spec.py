"""What one parameter of a node is: the row of the table in `parameter_table.py`."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from vit_perception.nodes import parameter_checks as checks


class Change(enum.Enum):
    """When a parameter can change after the node has started."""

    NEVER = "fixed at start"
    UNCONFIGURED = "while the node is unconfigured"
    ALWAYS = "at any time"


@dataclass(frozen=True)
class ParameterSpec:
    """One parameter.

    Attributes:
        name: as in `ros2 param set`.
        default: its value where none is given; None where it depends on the node or the model.
        description: for `ros2 param describe`.
        change: when it can change.
        check: raises ValueError, with the reason, for a value that is not valid. What depends on the model
            is checked by `Parameters`.
        is_list: whether it is a list of texts.
        limits: the least and the largest value of a number.
        suite_only: whether only the suite has it, whose tasks are a parameter.
        tasks: the only nodes that have it are those with one of these tasks; empty: all.
        from_model: whether it is declared once the model is known.
        default_note: the default in words, where `default` is None.
    """

    name: str
    default: Any
    description: str
    change: Change = Change.ALWAYS
    check: checks.Check = checks.any_value
    is_list: bool = False
    limits: tuple[float, float] | None = None
    suite_only: bool = False
    tasks: tuple[str, ...] = ()
    from_model: bool = False
    default_note: str = ""

    @property
    def any_type(self) -> bool:
        """Whether ROS accepts a value of any type and leaves it to `check`: so that a whole number may be
        given for a decimal one, and since an empty list has no type."""
        return self.is_list or self.limits is not None


def number(
    name: str,
    default: float,
    description: str,
    limits: tuple[float, float],
    what: str,
    *tasks: str,
) -> ParameterSpec:
    """A number between its limits, at any time, of nodes with these tasks; `what` it is, for the error."""
    return ParameterSpec(
        name, default, description, check=checks.number(*limits, what), limits=limits, tasks=tasks
    )
