"""The NumPy façade: `Predictor("robot_vit_s14")(bgr_image) -> Perception`."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from vit_perception.runtime import raw_outputs
from vit_perception.runtime.card import Card, check_thresholds, load_card
from vit_perception.runtime.decode import decode
from vit_perception.runtime.engines import Engine
from vit_perception.runtime.engines.select import make_engine
from vit_perception.runtime.locate import DEFAULT_MODEL, find_model
from vit_perception.runtime.preprocess import preprocess
from vit_perception.runtime.results import Perception
from vit_perception.tasks import TASKS, check_tasks


class Predictor:
    """A model, ready to look at frames. Threads may share one: the engine takes their frames in turn.

    Args:
        model: name of an installed model, or the folder of one.
        engine: `auto`, `openvino`, `onnxruntime` or `torch`.
        device: `auto`, `cpu` or `cuda`.
        tasks: what it will be asked for; one that `card.tasks` lacks answers None.

    Raises:
        FileNotFoundError: there is no such model, or a file of it is missing.
        ValueError: a task, engine or device is unknown; the card, or a file that it lists, is wrong.
        EngineUnavailable: no engine that was asked for runs here.
    """

    card: Card
    engine: Engine
    tasks: tuple[str, ...]

    def __init__(
        self,
        model: str | Path = DEFAULT_MODEL,
        engine: str = "auto",
        device: str = "auto",
        tasks: Iterable[str] = TASKS,
    ) -> None:
        self.tasks = check_tasks(tasks)
        self.card = load_card(find_model(model))
        self.engine = make_engine(self.card, engine, device)
        self._turn = threading.Lock()
        # Said when the model is loaded, not at the first frame.
        if missing := sorted(set(raw_outputs.needed(self.card, self.tasks)) - set(self.engine.outputs)):
            raise ValueError(
                f"model {self.card.name} gives no output {missing[0]!r}, though its card says so"
            )

    def __call__(
        self,
        image: np.ndarray,
        order: str = "bgr",
        tasks: Iterable[str] | None = None,
        thresholds: Mapping[str, float] | None = None,
    ) -> Perception:
        """Look at one frame.

        Args:
            image: (H, W, 3) uint8.
            order: of its channels, `bgr` or `rgb`.
            tasks: a subset of the predictor's; None is all of them.
            thresholds: minimum scores by task, in place of the card's.

        Raises:
            ValueError: an argument is not one of these; the message says what, and what to do.
        """
        wanted = self._subset(tasks)
        check_thresholds(thresholds or {})
        start = time.perf_counter()
        batch, geometry = preprocess(image, self.card, order)
        prepared = time.perf_counter()
        names = raw_outputs.needed(self.card, wanted)
        outputs = self._infer(batch, names) if names else {}
        inferred = time.perf_counter()
        perception = decode(
            outputs, geometry, self.card, wanted, {**self.card.thresholds, **(thresholds or {})}
        )
        decoded = time.perf_counter()
        stage_ms = {
            "preprocess": 1e3 * (prepared - start),
            "inference": 1e3 * (inferred - prepared),
            "decode": 1e3 * (decoded - inferred),
        }
        return dataclasses.replace(perception, stage_ms=stage_ms)

    def _infer(self, batch: np.ndarray, names: tuple[str, ...]) -> dict[str, np.ndarray]:
        with self._turn:
            return self.engine(batch, names)

    def _subset(self, tasks: Iterable[str] | None) -> tuple[str, ...]:
        if tasks is None:
            return self.tasks
        wanted = check_tasks(tasks)
        if extra := [task for task in wanted if task not in self.tasks]:
            raise ValueError(
                f"task {extra[0]!r} was not asked for when the predictor was made: {', '.join(self.tasks)}"
            )
        return wanted

    def warm_up(self, height: int, width: int) -> None:
        """Run a black frame of this size: compiling for its shape then delays no real one."""
        self(np.zeros((height, width, 3), np.uint8))
