"""Several models with the interface of one: each task is computed by the model that was chosen for it.

`TaskModels({"detection": folder_of_a_detector}, "robot_vit_s14")`; tasks of one model share a forward pass.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.cards.card import Card, load_card
from vit_perception.cards.locate import DEFAULT_MODEL, find_model
from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.runtime.engines import Builder
from vit_perception.runtime.navigation_input import NavigationInput
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import DEFAULT_REQUEST, Request
from vit_perception.runtime.results import Perception
from vit_perception.tasks import NAVIGATION, TASKS, check_tasks

# (height, width) that most cameras have.
_CAMERA = (480, 640)


class TaskModels:
    """The models of a node, each for the tasks it was chosen for, with the interface of a `Predictor`.

    Args:
        chosen: by task, the name of an installed model or the folder of one; empty ones are none.
        model: of the other tasks.
        tasks: what it will be asked for, as far as the models answer it.
        engine: of every model, as `Predictor` takes it.
        device: the same.
        precision: the same.
        prompts: what models with an open vocabulary look for; empty: their own examples.
        build_public: what PyTorch makes public models with, as `Predictor` takes it.

    Attributes:
        tasks: those that are answered.
        unanswered: those that were asked for and no model answers.
        predictors: the models, each once.

    Raises:
        ValueError: a model does not answer what it was chosen for, or no task is answered; whatever
            `Predictor` raises.
    """

    def __init__(
        self,
        chosen: Mapping[str, str | Path] | None = None,
        model: str | Path = DEFAULT_MODEL,
        tasks: Iterable[str] = TASKS,
        *,
        engine: str = "auto",
        device: str = "auto",
        precision: str = "auto",
        prompts: Sequence[str] = (),
        build_public: Builder | None = None,
    ) -> None:
        asked = check_tasks(tasks)
        names = {task: (chosen or {}).get(task) or model for task in asked}
        found = {name: find_model(name).resolve() for name in dict.fromkeys(names.values())}
        cards = {folder: load_card(folder) for folder in dict.fromkeys(found.values())}
        for task, name in names.items():
            card = cards[found[name]]
            if task not in card.tasks and (chosen or {}).get(task):
                raise ValueError(f"{task}.model: {card.name} answers {_listed(card)}, not {task}")
        answered = {task: found[name] for task, name in names.items() if task in cards[found[name]].tasks}
        if not answered:
            card = cards[found[names[asked[0]]]]
            raise ValueError(
                f"model {card.name} answers {_listed(card)}, and none of {', '.join(asked)}: "
                "choose another model"
            )
        self.tasks = tuple(answered)
        self.unanswered = tuple(task for task in asked if task not in answered)
        by_folder = {
            folder: Predictor(
                folder,
                engine,
                device,
                [task for task in answered if answered[task] == folder],
                precision,
                build_public=build_public,
            )
            for folder in dict.fromkeys(answered.values())
        }
        self.predictors = tuple(by_folder.values())
        self._by_task = {task: by_folder[folder] for task, folder in answered.items()}
        if prompts:
            self.set_prompts(prompts)

    def card(self, task: str) -> Card:
        """Card of the model that computes `task`; with an open vocabulary, its labels are the prompts."""
        return self._by_task[task].card

    @property
    def labels(self) -> dict[str, dict[int, str]]:
        """Class id → name, by task."""
        return {task: names for each in self.predictors for task, names in each.labels.items()}

    @property
    def navigation(self) -> NavigationConfig | None:
        """What the model that navigates takes and gives; None without a navigator."""
        chosen = self._by_task.get(NAVIGATION)
        return None if chosen is None else chosen.navigation

    @property
    def scalable(self) -> bool:
        """Whether any model takes inputs of other sizes than its own."""
        return any(predictor.card.scalable for predictor in self.predictors)

    @property
    def takes_prompts(self) -> bool:
        return any(predictor.card.open_vocabulary for predictor in self.predictors)

    @property
    def navigator(self) -> NavigationConfig | None:
        """What the navigator among the models takes and gives; None where there is none."""
        return NavigationConfig.of(self.card(NAVIGATION).architecture) if NAVIGATION in self.tasks else None

    def set_prompts(self, prompts: Sequence[str]) -> None:
        """Look for these from the next frame on. The text is encoded now, never again for a frame.

        Raises:
            ValueError: no model takes prompts, or these are none.
        """
        if not self.takes_prompts:
            names = ", ".join(predictor.card.name for predictor in self.predictors)
            raise ValueError(
                f"{names} has a vocabulary of its own and takes no prompts: choose a model such as "
                "hf:google/owlv2-base-patch16-ensemble"
            )
        for predictor in self.predictors:
            if predictor.card.open_vocabulary:
                predictor.set_prompts(prompts)

    def batch(
        self,
        images: Sequence[np.ndarray],
        orders: Sequence[str],
        request: Request = DEFAULT_REQUEST,
        navigation: Sequence[NavigationInput] | None = None,
    ) -> list[Perception]:
        """Compute the answers about frames, with the arguments of `Predictor.batch`.

        A task that no model answers is left out, and a model of one fixed input size ignores `input_scale`.

        Returns:
            An answer for each frame. `stage_ms` is the sum over the models that ran.
        """
        tasks = self.tasks if request.tasks is None else request.tasks
        answers: list[Perception] | None = None
        for predictor in self.predictors:
            own = tuple(task for task in tasks if self._by_task.get(task) is predictor)
            if not own:
                continue
            scale = request.input_scale if predictor.card.scalable else 1.0
            found = predictor.batch(
                images, orders, dataclasses.replace(request, tasks=own, input_scale=scale), navigation
            )
            answers = found if answers is None else list(map(_merged, answers, found))
        return answers or [Perception((image.shape[0], image.shape[1])) for image in images]

    def warm_up(self, input_scale: float = 1.0, count: int = 1) -> None:
        """Run `count` black frames of 4:3 together, so that no real frame waits for compilation."""
        for predictor in self.predictors:
            card = predictor.card
            scale = input_scale if card.scalable else 1.0
            predictor.warm_up(*(_CAMERA if card.recipe else card.input_sizes[0]), scale, count)


def _merged(one: Perception, other: Perception) -> Perception:
    """The results of both for one frame."""
    answers: dict[str, Any] = {task: answer for task in TASKS if (answer := getattr(other, task)) is not None}
    stage_ms = {
        stage: one.stage_ms.get(stage, 0.0) + other.stage_ms.get(stage, 0.0)
        for stage in {**one.stage_ms, **other.stage_ms}
    }
    return dataclasses.replace(one, stage_ms=stage_ms, **answers)


def _listed(card: Card) -> str:
    return ", ".join(card.tasks) or "nothing"
