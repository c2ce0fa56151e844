"""An int8 graph for OpenVINO: `vit-perception quantize MODEL --data FOLDER`.

NNCF's post-training quantisation: weights by channel, activations by tensor, their ranges from frames like
those that the robot will see. The graph keeps no weights of its own (see engines/shared_weights.py): int8
costs the model folder a megabyte.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.cards.files import INT8_DATA_FILE, INT8_FILE
from vit_perception.cards.integrity import sha256
from vit_perception.cards.raw_outputs import CONTENT, IMAGE, needed
from vit_perception.export.calibration import median_ms
from vit_perception.export.examples import example_inputs
from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.runtime.engines import Builder
from vit_perception.runtime.engines.compiled_shapes import MOST, CompiledShapes
from vit_perception.runtime.engines.openvino import OpenVinoEngine
from vit_perception.runtime.engines.openvino_compiler import OpenVinoCompiler, shared_core
from vit_perception.runtime.engines.shared_weights import detach
from vit_perception.runtime.preprocess import normalised, preprocess
from vit_perception.runtime.prompts import encode_prompts
from vit_perception.tasks import CLASSIFICATION, DETECTION, NAVIGATION, SEGMENTATION, TASKS

# Parts that may be worth a higher precision, by the names of their weights; `attention` is the two
# products of each block, which have none.
SENSITIVE: dict[str, tuple[str, ...]] = {
    "patch_embed": ("backbone.patch_embed.",),
    "first_block": ("backbone.blocks.0.",),
    # Few channels at many cells, whose ranges differ most.
    "first_stage": ("backbone.stem.", "backbone.stages.0."),
    "attention": (),
    "pyramid": ("pyramid.",),
    "heads": ("heads.",),
}
_PRODUCTS = ("MatMul", "Convolution", "GroupConvolution", "ConvolutionBackpropData")
# A part stays in higher precision if that takes away this share of the error, for at most this much time.
LEAST_GAIN, MOST_TIME = 0.15, 1.03


@dataclasses.dataclass(frozen=True)
class Variant:
    """An int8 graph, some parts of which are not quantised.

    Attributes:
        keep: those parts, names in SENSITIVE.
        graph: an openvino.Model.
        error: of the outputs, root mean square relative to theirs in fp32.
        latency_ms: median for one frame.
    """

    keep: tuple[str, ...]
    graph: Any
    error: float
    latency_ms: float


def quantize(
    card: Card,
    frames: Sequence[np.ndarray],
    keep: Sequence[str] | None = None,
    report: Callable[[str], None] = print,
    build_public: Builder | None = None,
) -> Card:
    """Write the int8 graph into the card's folder; gives the card that lists it (not yet written).

    Args:
        frames: RGB pictures (H, W, 3) uint8 to take the ranges from; one to three hundred are plenty.
        keep: names in SENSITIVE to leave in higher precision; None tries each and keeps what pays.
        report: called with a line for each variant that was tried.
        build_public: what encodes the prompts of a model with an open vocabulary, see `Builder`.

    Raises:
        ValueError: there are no frames, or a name in `keep` is unknown.
    """
    if not frames:
        raise ValueError("there are no frames to take ranges from: name a folder with pictures")
    if unknown := sorted(set(keep or ()) - set(SENSITIVE)):
        raise ValueError(f"unknown part {unknown[0]!r}: choose from {', '.join(SENSITIVE)}")
    text = encode_prompts(card, card.labels, build_public) if card.open_vocabulary else {}
    inputs = [_Input.of(frame, card, text) for frame in frames]
    make = _Maker(card, inputs)
    chosen = make(tuple(keep or ()))
    report(_line(chosen))
    if keep is None:
        trials = {part: make((part,)) for part in SENSITIVE if make.has(part)}
        for trial in trials.values():
            report(_line(trial))
        paying = tuple(part for part, trial in trials.items() if _pays(trial, chosen))
        if paying:
            chosen = make(paying)
            report(_line(chosen))
    return _save(chosen.graph, card)


def _pays(trial: Variant, plain: Variant) -> bool:
    gain = 1 - trial.error / max(plain.error, 1e-9)
    return gain >= LEAST_GAIN and trial.latency_ms <= MOST_TIME * plain.latency_ms


def _line(variant: Variant) -> str:
    kept = ", ".join(variant.keep) or "nothing"
    return f"kept: {kept:24} error {variant.error:.4f}   {variant.latency_ms:6.1f} ms"


@dataclasses.dataclass(frozen=True)
class _Input:
    """What an engine takes for a frame.

    Attributes:
        pixels: (1, H, W, 3) uint8.
        extra: by name, what some graphs take beside the pixels.
    """

    pixels: np.ndarray
    extra: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, frame: np.ndarray, card: Card, text: Mapping[str, np.ndarray]) -> _Input:
        pixels, geometry = preprocess(frame, card, "rgb")
        own = example_inputs(card, 1, geometry.input)
        return cls(pixels, {CONTENT: geometry.rows_and_columns[None], **own, **text})


class _Maker:
    """Names of parts to keep in higher precision → Variant, all from one graph and the same frames."""

    def __init__(self, card: Card, inputs: list[_Input]) -> None:
        from openvino.passes import ConstantFolding, Manager

        self.card = card
        self.inputs = inputs
        self.names = needed(card, TASKS)
        self.graph = shared_core().read_model(card.file("onnx"))
        if card.scalable:
            self.graph.reshape({IMAGE: [-1, 3, -1, -1]})
        # NNCF sees weights only where they are constants, not casts of them.
        passes = Manager()
        passes.register_pass(ConstantFolding())
        passes.run_passes(self.graph)
        exact = OpenVinoEngine(card, "fp32")
        self.taken = exact.inputs
        # Beside masks or boxes, classes come from one row that costs nothing, in which poolings of different
        # ranges stand side by side; a classifier is all of its graph.
        dense = any(name.startswith((DETECTION, SEGMENTATION)) for name in self.names)
        self.never = only_for(self.graph, CLASSIFICATION) if dense else []
        # A navigator gives metres, costs little, and gets depths here that are none of a camera.
        if NavigationConfig.of(card.architecture):
            self.never += only_for(self.graph, NAVIGATION)
        self.judged = inputs[:: max(1, len(inputs) // 16)]
        self.expected = [exact(each.pixels, self.names, each.extra) for each in self.judged]

    def __call__(self, keep: tuple[str, ...]) -> Variant:
        import nncf
        from nncf.quantization.advanced_parameters import (
            AdvancedQuantizationParameters,
            AdvancedSmoothQuantParameters,
        )

        nncf.set_log_level(logging.ERROR)
        quantized = nncf.quantize(
            self.graph,
            nncf.Dataset([self._named(each) for each in self.inputs]),
            model_type=nncf.ModelType.TRANSFORMER,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(self.inputs),
            ignored_scope=nncf.IgnoredScope(names=[*self._nodes(keep), *self.never], validate=False),
            advanced_parameters=AdvancedQuantizationParameters(
                # Moving scales from activations into weights would change the weights, which are shared.
                smooth_quant_alphas=AdvancedSmoothQuantParameters(matmul=-1),
                backend_params={"compress_weights": False},
            ),
        )
        engine = _GraphEngine(self.card, quantized)
        errors = [
            _relative_error(engine(each.pixels, self.names, each.extra), expected)
            for each, expected in zip(self.judged, self.expected, strict=True)
        ]
        first = self.judged[0]
        return Variant(keep, quantized, float(np.mean(errors)), median_ms(engine, first.pixels, first.extra))

    def _named(self, each: _Input) -> dict[str, np.ndarray]:
        """The inputs of the graph by name."""
        return {IMAGE: normalised(each.pixels, self.card), **{name: each.extra[name] for name in self.taken}}

    def has(self, part: str) -> bool:
        """Whether the graph has such a part: those of public models have other names."""
        return bool(self._nodes((part,)))

    def _nodes(self, parts: tuple[str, ...]) -> list[str]:
        """Names of the products and convolutions that belong to these parts."""
        prefixes = tuple(f"model.{prefix}" for part in parts for prefix in SENSITIVE[part])
        found = []
        for node in self.graph.get_ops():
            if node.get_type_name() not in _PRODUCTS:
                continue
            operand = node.input_value(1).get_node()
            if operand.get_type_name() == "Constant":
                if prefixes and operand.get_friendly_name().startswith(prefixes):
                    found.append(node.get_friendly_name())
            elif "attention" in parts:
                found.append(node.get_friendly_name())
        return found


def only_for(graph: Any, task: str) -> list[str]:
    """Names of the nodes of an openvino.Model on which only the outputs of a task depend."""
    own: set[str] = set()
    others: set[str] = set()
    for result in graph.get_results():
        name = result.input_value(0).get_any_name()
        (own if name.startswith(task) else others).update(_before(result))
    return sorted(own - others)


def _before(node: Any) -> set[str]:
    """Names of the nodes that a node depends on."""
    seen: set[str] = set()
    waiting = [node]
    while waiting:
        for value in waiting.pop().input_values():
            each = value.get_node()
            if (name := each.get_friendly_name()) not in seen:
                seen.add(name)
                waiting.append(each)
    return seen


class _GraphEngine(OpenVinoEngine):
    """The int8 engine on a graph that is not on disk yet, and not in the cache ever."""

    def __init__(self, card: Card, graph: Any) -> None:
        super().__init__(card, "fp32", cached=False)
        self.precision = "int8"
        self.compiler = _GraphCompiler(card, graph)
        self.shapes = CompiledShapes[Any](self.compiler, MOST)


class _GraphCompiler(OpenVinoCompiler):
    """Compiles a graph that has its weights."""

    def __init__(self, card: Card, graph: Any) -> None:
        super().__init__(card, "int8", None, None)
        self._whole = graph

    def whole_graph(self) -> Any:
        return self._whole.clone()


def _relative_error(got: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> float:
    """Root mean square of the difference over that of the values about their mean, averaged over outputs."""
    ratios = [
        np.sqrt(np.mean((got[name] - values) ** 2) / max(float(np.var(values)), 1e-12))
        for name, values in expected.items()
        if name in got and values.size > 1
    ]
    return float(np.mean(ratios))


def _save(graph: Any, card: Card) -> Card:
    import openvino

    detach(graph, card.file("weights"))
    openvino.save_model(graph, card.folder / INT8_FILE, compress_to_fp16=False)
    digests = {name: sha256(card.folder / name) for name in (INT8_FILE, INT8_DATA_FILE)}
    return dataclasses.replace(
        card,
        files={**card.files, "int8": INT8_FILE, "int8_data": INT8_DATA_FILE},
        sha256={**card.sha256, **digests},
    )
