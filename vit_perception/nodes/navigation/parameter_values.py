"""The parameters of a navigator read as one record, and checked against the models."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from typing import Any

from vit_perception.nodes.navigation.settings import ACTION, NavigationSettings
from vit_perception.runtime.navigation_input import leads_to_a_goal
from vit_perception.runtime.task_models import TaskModels
from vit_perception.tasks import NAVIGATION


def navigation_settings(value: Callable[[str], Any]) -> NavigationSettings:
    """The record of the parameters; `value` gives one by its name."""
    defaults = dataclasses.asdict(NavigationSettings())
    # A whole number may stand for a decimal one.
    return NavigationSettings(
        **{name: type(default)(value(f"navigation.{name}")) for name, default in defaults.items()}
    )


def check_drive(drive: Any, models: TaskModels | None, cameras: Collection[str]) -> None:
    """Refuse to drive where that cannot work, once the models are known.

    Raises:
        ValueError: the model is no navigator with a goal, or there are several cameras.
    """
    if not drive or models is None:
        return
    if NAVIGATION not in models.tasks or not leads_to_a_goal(models.card(NAVIGATION)):
        raise ValueError("the model gives no path to a goal: choose a navigator, see docs/navigation.md")
    if len(cameras) > 1:
        raise ValueError(
            f"{len(cameras)} cameras would each drive the robot: give image_topics one, and run another node "
            "for the others"
        )


def check_shows(shows: Any, models: TaskModels | None) -> None:
    """Refuse to show what no model knows, once the models are known.

    Raises:
        ValueError: it is the action's attention, and the node runs no navigator.
    """
    if shows == ACTION and models is not None and models.navigator is None:
        raise ValueError(
            "only a navigator has an action that looks: run the suite with the tasks navigation and "
            "attention and such a model, see docs/navigation.md"
        )
