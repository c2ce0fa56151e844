"""A model behind NumPy arrays: `Predictor("robot_vit_s14")(bgr_image) -> Perception`."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from vit_perception.cards import raw_outputs
from vit_perception.cards.card import Card, load_card
from vit_perception.cards.locate import DEFAULT_MODEL, find_model
from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.runtime.decode import decode
from vit_perception.runtime.engine_input import EngineInput, FrameInput
from vit_perception.runtime.engines import Builder, Engine
from vit_perception.runtime.engines.select import make_engine
from vit_perception.runtime.live_input import LiveInput
from vit_perception.runtime.navigation_input import IMAGE_ALONE, NavigationInput
from vit_perception.runtime.preprocess import Geometry, preprocess
from vit_perception.runtime.request import DEFAULT_REQUEST, Request
from vit_perception.runtime.results import Perception
from vit_perception.runtime.vocabulary import Vocabularies, Vocabulary
from vit_perception.tasks import TASKS, check_tasks


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
        live: whether frames come from a camera. One whose size of input is not compiled yet gets one that is,
            as far as the model allows, while its own is compiled beside; few are kept.

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
        live: bool = False,
    ) -> None:
        self.tasks = check_tasks(tasks)
        card = load_card(find_model(model))
        self.navigation = NavigationConfig.of(card.architecture)
        self._vocabulary = Vocabulary(card, {})
        needed = raw_outputs.needed(card, self.tasks)
        # Nodes of one model of ours and their suite say the same to the digit, which graphs of different
        # outputs do not. A public model may spend much of its time on attention that nobody asked for.
        outputs = needed if card.source else None
        self.engine = make_engine(card, engine, device, precision, outputs, build_public, live)
        # Said when the model is loaded, not at the first frame.
        if missing := sorted(set(needed) - set(self.engine.outputs)):
            raise ValueError(f"model {card.name} gives no output {missing[0]!r}, though its card says so")
        self._input = EngineInput(self.engine.inputs, self.navigation)
        compiled = self.engine.shapes if live else None
        self._live_input = LiveInput(compiled, self._input) if compiled else None
        compile_for = self._live_input.prepare_text if self._live_input else lambda text: None
        self._vocabularies = Vocabularies(build_public, compile_for)
        self._turn, self._changing = threading.Lock(), threading.Lock()
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

    @property
    def changing(self) -> bool:
        """Whether one of the last frames was computed at another size than asked for; only where `live`."""
        return self._live_input is not None and self._live_input.changing

    def set_prompts(self, prompts: Sequence[str]) -> None:
        """Look for these from the next frame on; those in flight keep the old.

        The text is encoded once, now or by `prepare_prompts`.

        Raises:
            ValueError: the model takes no prompts, or not these; or encoding them needs torch, which is
                missing. FileNotFoundError: a file of the model is.
        """
        with self._changing:
            self._vocabulary = self._vocabularies.prepared(self.card, prompts)

    def prepare_prompts(self, prompts: Sequence[str]) -> None:
        """Do all that takes time before `set_prompts`: encode the text, and compile for it.

        Raises:
            ValueError, FileNotFoundError: as `set_prompts`, which raises the same once more.
        """
        with self._changing:
            self._vocabularies.prepared(self.card, prompts)

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
        frames = self._prepare(images, orders, request.input_scale, given, vocabulary)
        begin = time.perf_counter()
        names = raw_outputs.needed(vocabulary.card, tasks)
        outputs = self._infer(frames, vocabulary, names)
        inferred = time.perf_counter()
        perceptions = [
            decode(raw, frame.geometry, vocabulary.card, request, frame.given)
            for raw, frame in zip(outputs, frames, strict=True)
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
        frame = self._input.of_frame(pixels, geometry, navigation)
        return self._infer([frame], vocabulary, names)[0], geometry

    def _prepare(
        self,
        images: Sequence[np.ndarray],
        orders: Sequence[str],
        scale: float,
        given: Sequence[NavigationInput],
        vocabulary: Vocabulary,
    ) -> list[FrameInput]:
        """What the engine gets of each frame."""
        if len(given) != len(images):
            raise ValueError(f"navigation has {len(given)} entries for {len(images)} images")
        frames = list(zip(images, orders, given, strict=True))
        if self._live_input is None:
            return [
                self._input.of_frame(*preprocess(image, vocabulary.card, order, scale), own)
                for image, order, own in frames
            ]
        self._live_input.changing = False
        return [
            self._live_input.prepare(image, order, own, scale, vocabulary) for image, order, own in frames
        ]

    def _infer(
        self, frames: Sequence[FrameInput], vocabulary: Vocabulary, names: tuple[str, ...]
    ) -> list[dict[str, np.ndarray]]:
        """Raw outputs of each frame, with a batch axis of one.

        Frames of one shape are computed together where the engine takes batches of any size. To compile one
        for every size would take 130 MB each, for a tenth of the time.
        """
        if not names:
            return [{} for _ in frames]
        found: list[dict[str, np.ndarray]] = [{}] * len(frames)
        for shape in {frame.pixels.shape for frame in frames}:
            same = [place for place, frame in enumerate(frames) if frame.pixels.shape == shape]
            together = vocabulary.card.batched and self.engine.shapes is None
            for places in [same] if together else [[place] for place in same]:
                inputs = self._input.of_batch([frames[place] for place in places], vocabulary.text)
                with self._turn:
                    outputs = self.engine(inputs.pop(raw_outputs.IMAGE), names, inputs)
                for row, place in enumerate(places):
                    found[place] = {name: values[row : row + 1] for name, values in outputs.items()}
        return found

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
