"""A model behind NumPy arrays: `Predictor("robot_vit_s14")(bgr_image) -> Perception`."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vit_perception.cards import raw_outputs
from vit_perception.cards.card import Card, load_card
from vit_perception.cards.locate import DEFAULT_MODEL, find_model
from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.runtime.decode import decode
from vit_perception.runtime.engines import Builder, Engine
from vit_perception.runtime.engines.select import make_engine
from vit_perception.runtime.navigation_input import IMAGE_ALONE, NavigationInput, navigation_arrays
from vit_perception.runtime.preprocess import Geometry, preprocess
from vit_perception.runtime.prompts import encode_prompts
from vit_perception.runtime.request import DEFAULT_REQUEST, Request
from vit_perception.runtime.results import Perception
from vit_perception.tasks import TASKS, check_tasks


@dataclass(frozen=True)
class _Vocabulary:
    """The classes to look for. Replaced as a whole, so that a frame that is being processed keeps its own.

    Attributes:
        card: of the model; with an open vocabulary, its labels are the prompts.
        text: the encoded prompts, as the engine takes them.
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
    navigation: NavigationConfig | None  # of its navigator, if it has one

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
        self.navigation = NavigationConfig.of(card.architecture)
        self._vocabulary = _Vocabulary(card, {})
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
        return self._vocabulary.card

    @property
    def labels(self) -> dict[str, dict[int, str]]:
        """Class id → name, by task."""
        card = self.card
        return {task: dict(enumerate(card.labels)) for task in self.tasks if task in card.tasks}

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
            self._vocabulary = _Vocabulary(card, text)

    def __call__(
        self,
        image: np.ndarray,
        order: str = "bgr",
        request: Request = DEFAULT_REQUEST,
        navigation: NavigationInput = IMAGE_ALONE,
    ) -> Perception:
        """Compute the answers about one frame.

        Args:
            image: (H, W, 3) uint8.
            order: of its channels, `bgr` or `rgb`.
            request: what to compute; its tasks are among the predictor's.
            navigation: what a navigator knows beside the image.

        Raises:
            ValueError: an argument is not one of these; the message says what is wrong, and what to do.
        """
        return self.batch([image], [order], request, [navigation])[0]

    def batch(
        self,
        images: Sequence[np.ndarray],
        orders: Sequence[str],
        request: Request = DEFAULT_REQUEST,
        navigation: Sequence[NavigationInput] | None = None,
    ) -> list[Perception]:
        """Compute the answers about several frames; those of one input size share a forward pass.

        Args:
            images: (H, W, 3) uint8 each, of any sizes.
            orders: of the channels of each, `bgr` or `rgb`.
            request: what to compute for each of them.
            navigation: what a navigator knows of each beside the image; None: the images alone.

        Returns:
            An answer for each frame, in order. `stage_ms` is its share of the time that the batch took.

        Raises:
            ValueError: as for one frame.
        """
        tasks = self._subset(request.tasks)
        request = dataclasses.replace(request, tasks=tasks)
        vocabulary = self._vocabulary
        given = [IMAGE_ALONE] * len(images) if navigation is None else navigation
        start = time.perf_counter()
        prepared = [
            preprocess(image, vocabulary.card, order, request.input_scale)
            for image, order in zip(images, orders, strict=True)
        ]
        extra = self._extra([geometry for _, geometry in prepared], given)
        begin = time.perf_counter()
        names = raw_outputs.needed(vocabulary.card, tasks)
        outputs = self._infer([pixels for pixels, _ in prepared], extra, vocabulary, names)
        inferred = time.perf_counter()
        perceptions = [
            decode(raw, geometry, vocabulary.card, request, own)
            for raw, (_, geometry), own in zip(outputs, prepared, given, strict=True)
        ]
        share = 1e3 / len(images)
        stage_ms = {
            "preprocess": share * (begin - start),
            "inference": share * (inferred - begin),
            "decode": share * (time.perf_counter() - inferred),
        }
        return [dataclasses.replace(perception, stage_ms=stage_ms) for perception in perceptions]

    def raw(
        self,
        image: np.ndarray,
        order: str = "bgr",
        tasks: Sequence[str] = TASKS,
        navigation: NavigationInput = IMAGE_ALONE,
    ) -> tuple[dict[str, np.ndarray], Geometry]:
        """What the network gives for one frame before it is decoded, and where the frame lies in its input.

        Args:
            image: (H, W, 3) uint8.
            order: of its channels, `bgr` or `rgb`.
            tasks: whose outputs to compute.
            navigation: what a navigator knows beside the image.

        Raises:
            ValueError: an argument is not one of these.
        """
        vocabulary = self._vocabulary
        pixels, geometry = preprocess(image, vocabulary.card, order)
        names = raw_outputs.needed(vocabulary.card, self._subset(tuple(tasks)))
        return self._infer([pixels], self._extra([geometry], [navigation]), vocabulary, names)[0], geometry

    def _infer(
        self,
        pixels: Sequence[np.ndarray],
        extra: Sequence[Mapping[str, np.ndarray]],
        vocabulary: _Vocabulary,
        names: tuple[str, ...],
    ) -> list[dict[str, np.ndarray]]:
        """Raw outputs of each frame, with a batch axis of one. Frames of one shape are computed together."""
        if not names:
            return [{} for _ in pixels]
        found: list[dict[str, np.ndarray]] = [{}] * len(pixels)
        for shape in {frame.shape for frame in pixels}:
            same = [place for place, frame in enumerate(pixels) if frame.shape == shape]
            for places in [same] if vocabulary.card.batched else [[place] for place in same]:
                images = np.concatenate([pixels[place] for place in places])
                more = {
                    name: np.concatenate([extra[place][name] for place in places])
                    for name in extra[places[0]]
                }
                with self._turn:
                    outputs = self.engine(images, names, {**more, **vocabulary.text})
                for row, place in enumerate(places):
                    found[place] = {name: values[row : row + 1] for name, values in outputs.items()}
        return found

    def _extra(
        self, geometries: Sequence[Geometry], given: Sequence[NavigationInput]
    ) -> list[dict[str, np.ndarray]]:
        """Inputs of the engine that each frame has beside its image: where in the input it lies, and what a
        navigator takes."""
        if len(given) != len(geometries):
            raise ValueError(f"navigation has {len(given)} entries for {len(geometries)} images")
        if self.navigation is not None:
            return [
                navigation_arrays(own, geometry, self.navigation)
                for own, geometry in zip(given, geometries, strict=True)
            ]
        if raw_outputs.CONTENT not in self.engine.inputs:
            return [{} for _ in geometries]
        return [{raw_outputs.CONTENT: geometry.rows_and_columns[None]} for geometry in geometries]

    def _subset(self, tasks: tuple[str, ...] | None) -> tuple[str, ...]:
        """The tasks of a request; all of the predictor's where it names none."""
        if tasks is None:
            return self.tasks
        if extra := [task for task in tasks if task not in self.tasks]:
            raise ValueError(
                f"task {extra[0]!r} was not asked for when the predictor was made: {', '.join(self.tasks)}"
            )
        return tasks

    def warm_up(self, height: int, width: int, input_scale: float = 1.0, count: int = 1) -> None:
        """Run `count` black frames of this size together, so that no real frame waits for compilation."""
        black = np.zeros((height, width, 3), np.uint8)
        self.batch([black] * count, ["rgb"] * count, Request(input_scale=input_scale))
