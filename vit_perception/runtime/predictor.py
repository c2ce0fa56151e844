"""The NumPy façade: `Predictor("robot_vit_s14")(bgr_image) -> Perception`."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
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

# Least and largest: a patch or two, and sixteen times the cost.
INPUT_SCALES = (0.1, 4.0)
MAP_SCALES = (0.1, 1.0)


class Predictor:
    """A model, ready to look at frames. Threads may share one: the engine takes their frames in turn.

    Args:
        model: name of an installed model, or the folder of one.
        engine: `auto`, `openvino`, `onnxruntime` or `torch`.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `int8`, `fp16`, `bf16` or `fp32`; not every engine has all of them.
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
        precision: str = "auto",
    ) -> None:
        self.tasks = check_tasks(tasks)
        self.card = load_card(find_model(model))
        self.engine = make_engine(self.card, engine, device, precision)
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
        input_scale: float = 1.0,
        map_scale: float = 1.0,
    ) -> Perception:
        """Look at one frame.

        Args:
            image: (H, W, 3) uint8.
            order: of its channels, `bgr` or `rgb`.
            tasks: a subset of the predictor's; None is all of them.
            thresholds: minimum scores by task, in place of the card's.
            input_scale: size of the network's input, in those of the card: larger sees smaller things.
            map_scale: size of masks and heat maps, in that of the image.

        Raises:
            ValueError: an argument is not one of these; the message says what, and what to do.
        """
        return self.batch([image], [order], tasks, thresholds, input_scale, map_scale)[0]

    def batch(
        self,
        images: Sequence[np.ndarray],
        orders: Sequence[str],
        tasks: Iterable[str] | None = None,
        thresholds: Mapping[str, float] | None = None,
        input_scale: float = 1.0,
        map_scale: float = 1.0,
    ) -> list[Perception]:
        """Look at several frames, those that fit one input size in one pass; arguments as of one.

        `stage_ms` of each is its share of the batch's.
        """
        wanted = self._subset(tasks)
        check_thresholds(thresholds or {})
        _check_scales(input_scale, map_scale)
        start = time.perf_counter()
        prepared = [
            preprocess(image, self.card, order, input_scale)
            for image, order in zip(images, orders, strict=True)
        ]
        begin = time.perf_counter()
        outputs = self._infer([pixels for pixels, _ in prepared], raw_outputs.needed(self.card, wanted))
        inferred = time.perf_counter()
        limits = {**self.card.thresholds, **(thresholds or {})}
        perceptions = [
            decode(raw, geometry, self.card, wanted, limits, map_scale)
            for raw, (_, geometry) in zip(outputs, prepared, strict=True)
        ]
        share = 1e3 / len(images)
        stage_ms = {
            "preprocess": share * (begin - start),
            "inference": share * (inferred - begin),
            "decode": share * (time.perf_counter() - inferred),
        }
        return [dataclasses.replace(perception, stage_ms=stage_ms) for perception in perceptions]

    def _infer(self, pixels: list[np.ndarray], names: tuple[str, ...]) -> list[dict[str, np.ndarray]]:
        """Outputs of each frame (a batch of one), the frames of one shape computed together."""
        if not names:
            return [{} for _ in pixels]
        found: list[dict[str, np.ndarray]] = [{}] * len(pixels)
        for shape in {frame.shape for frame in pixels}:
            places = [place for place, frame in enumerate(pixels) if frame.shape == shape]
            with self._turn:
                outputs = self.engine(np.concatenate([pixels[place] for place in places]), names)
            for row, place in enumerate(places):
                found[place] = {name: values[row : row + 1] for name, values in outputs.items()}
        return found

    def _subset(self, tasks: Iterable[str] | None) -> tuple[str, ...]:
        if tasks is None:
            return self.tasks
        wanted = check_tasks(tasks)
        if extra := [task for task in wanted if task not in self.tasks]:
            raise ValueError(
                f"task {extra[0]!r} was not asked for when the predictor was made: {', '.join(self.tasks)}"
            )
        return wanted

    def warm_up(self, height: int, width: int, input_scale: float = 1.0, count: int = 1) -> None:
        """Run `count` black frames of this size together: compiling for them then delays no real ones."""
        black = np.zeros((height, width, 3), np.uint8)
        self.batch([black] * count, ["rgb"] * count, input_scale=input_scale)


def _check_scales(input_scale: float, map_scale: float) -> None:
    for name, value, (least, most) in (
        ("input_scale", input_scale, INPUT_SCALES),
        ("map_scale", map_scale, MAP_SCALES),
    ):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise ValueError(f"{name} is {value!r}: give a number from {least:g} to {most:g}")
