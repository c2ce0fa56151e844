"""The NumPy façade: `Predictor("robot_vit_s14")(bgr_image) -> Perception`."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vit_perception.cards import raw_outputs
from vit_perception.cards.card import Card, check_thresholds, load_card
from vit_perception.cards.locate import DEFAULT_MODEL, find_model
from vit_perception.runtime.decode import decode
from vit_perception.runtime.engines import Builder, Engine
from vit_perception.runtime.engines.select import make_engine
from vit_perception.runtime.preprocess import Geometry, preprocess
from vit_perception.runtime.prompts import encode_prompts
from vit_perception.runtime.results import Perception
from vit_perception.tasks import TASKS, check_tasks

# Least and largest: a patch or two, and sixteen times the cost.
INPUT_SCALES = (0.1, 4.0)
MAP_SCALES = (0.1, 1.0)


@dataclass(frozen=True)
class _Asked:
    """What frames are looked at for: the card with the prompts as its labels, and their encoding.

    Replaced as a whole, so that a frame in flight keeps its own.
    """

    card: Card
    text: Mapping[str, np.ndarray]


class Predictor:
    """A model, ready to look at frames. Threads may share one: the engine takes their frames in turn.

    Args:
        model: name of an installed model, or the folder of one.
        engine: `auto`, `openvino`, `onnxruntime` or `torch`.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `int8`, `fp16`, `bf16` or `fp32`; not every engine has all of them.
        tasks: what it will be asked for; one that `card.tasks` lacks answers None.
        prompts: what a model with an open vocabulary looks for; None: the examples on its card.
        build_public: what PyTorch makes a public model with, where it has no graph or its prompts were never
            encoded: `vit_perception.hub.build.build_public`.

    Raises:
        FileNotFoundError: there is no such model, or a file of it is missing. A public name, as
            `hf:ORG/NAME`, is none: `vit_perception.hub.obtain.obtain_model` makes a folder of it.
        ValueError: a task, engine or device is unknown; the card, or a file that it lists, is wrong; or the
            prompts cannot be used, see `set_prompts`.
        EngineUnavailable: no engine that was asked for runs here.
    """

    engine: Engine
    tasks: tuple[str, ...]

    def __init__(
        self,
        model: str | Path = DEFAULT_MODEL,
        engine: str = "auto",
        device: str = "auto",
        tasks: Iterable[str] = TASKS,
        precision: str = "auto",
        prompts: Sequence[str] | None = None,
        *,
        build_public: Builder | None = None,
    ) -> None:
        self.tasks = check_tasks(tasks)
        card = load_card(find_model(model))
        self._build_public = build_public
        self._asked = _Asked(card, {})
        needed = raw_outputs.needed(card, self.tasks)
        # Nodes of one model of ours and their suite say the same to the digit, which graphs of different
        # outputs do not. A public model may spend much of its time on attention that nobody asked for.
        outputs = needed if card.source else None
        self.engine = make_engine(card, engine, device, precision, outputs, build_public)
        self._turn, self._changing = threading.Lock(), threading.Lock()
        # Said when the model is loaded, not at the first frame.
        if missing := sorted(set(needed) - set(self.engine.outputs)):
            raise ValueError(f"model {card.name} gives no output {missing[0]!r}, though its card says so")
        if card.open_vocabulary or prompts is not None:
            self.set_prompts(card.labels if prompts is None else prompts)

    @property
    def card(self) -> Card:
        """Of the model; with an open vocabulary, its labels are the prompts."""
        return self._asked.card

    @property
    def prompts(self) -> tuple[str, ...]:
        """What is looked for; empty where the model has a vocabulary of its own."""
        return self.card.labels if self.card.open_vocabulary else ()

    def set_prompts(self, prompts: Sequence[str]) -> None:
        """Look for these from the next frame on; those in flight keep the old. The text is encoded now, once.

        Raises:
            ValueError: the model takes no prompts, or not these; or encoding them needs torch, which is
                missing. FileNotFoundError: a file of the model is.
        """
        with self._changing:
            text = encode_prompts(self.card, prompts, self._build_public)
            labels = tuple(prompts)
            card = dataclasses.replace(self.card, labels=labels, things=tuple(range(len(labels))))
            self._asked = _Asked(card, text)

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
        asked = self._asked
        start = time.perf_counter()
        prepared = [
            preprocess(image, asked.card, order, input_scale)
            for image, order in zip(images, orders, strict=True)
        ]
        begin = time.perf_counter()
        outputs = self._infer(prepared, asked, raw_outputs.needed(asked.card, wanted))
        inferred = time.perf_counter()
        limits = {**asked.card.thresholds, **(thresholds or {})}
        perceptions = [
            decode(raw, geometry, asked.card, wanted, limits, map_scale)
            for raw, (_, geometry) in zip(outputs, prepared, strict=True)
        ]
        share = 1e3 / len(images)
        stage_ms = {
            "preprocess": share * (begin - start),
            "inference": share * (inferred - begin),
            "decode": share * (time.perf_counter() - inferred),
        }
        return [dataclasses.replace(perception, stage_ms=stage_ms) for perception in perceptions]

    def _infer(
        self, prepared: Sequence[tuple[np.ndarray, Geometry]], asked: _Asked, names: tuple[str, ...]
    ) -> list[dict[str, np.ndarray]]:
        """Outputs of each frame (a batch of one), the frames of one shape computed together."""
        if not names:
            return [{} for _ in prepared]
        pixels, geometries = zip(*prepared, strict=True)
        found: list[dict[str, np.ndarray]] = [{}] * len(pixels)
        for shape in {frame.shape for frame in pixels}:
            alike = [place for place, frame in enumerate(pixels) if frame.shape == shape]
            for places in [alike] if asked.card.batched else [[place] for place in alike]:
                images = np.concatenate([pixels[place] for place in places])
                extra = self._extra([geometries[place] for place in places], asked.text)
                with self._turn:
                    outputs = self.engine(images, names, extra)
                for row, place in enumerate(places):
                    found[place] = {name: values[row : row + 1] for name, values in outputs.items()}
        return found

    def _extra(
        self, geometries: Sequence[Geometry], text: Mapping[str, np.ndarray]
    ) -> Mapping[str, np.ndarray]:
        """What the engine takes beside the images."""
        if raw_outputs.CONTENT not in self.engine.inputs:
            return text
        content = np.stack([geometry.rows_and_columns for geometry in geometries])
        return {raw_outputs.CONTENT: content, **text}

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
