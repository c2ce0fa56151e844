"""Names of classes in parameters: which of them the models know, and which class ids they stand for."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from vit_perception.cards.card import Card
from vit_perception.cards.groups import classes_named, names_of_classes
from vit_perception.nodes import parameter_checks as checks
from vit_perception.runtime.task_models import TaskModels
from vit_perception.tasks import DETECTION


def check_classes(names: Sequence[str], task: str, models: TaskModels, prompts: Sequence[str]) -> None:
    """Raise ValueError if a task reports no class, and no group of classes, of one of these names.

    Args:
        names: of classes and groups.
        task: whose model is asked.
        models: of the node.
        prompts: that are wanted, also before the model looks for them.
    """
    card = _card(task, models, prompts)
    known = names_of_classes(card, card.things if task == DETECTION else range(len(card.labels)))
    checks.among(names, known, f"the model of {task} knows no")


def class_ids(
    names: Sequence[str], task: str, models: TaskModels, prompts: Sequence[str]
) -> frozenset[int] | None:
    """Class ids that a filter keeps; None: all. A name that went with old prompts keeps none.

    Args:
        names: as `check_classes`, as the other arguments.
    """
    if not names:
        return None
    card = _card(task, models, prompts)
    return frozenset(class_id for name in names for class_id in classes_named(card, name))


def _card(task: str, models: TaskModels, prompts: Sequence[str]) -> Card:
    """Of the model for a task; with an open vocabulary, its labels are the prompts."""
    card = models.card(task)
    if not card.open_vocabulary or not prompts:
        return card
    return dataclasses.replace(card, labels=tuple(prompts), things=tuple(range(len(prompts))))
