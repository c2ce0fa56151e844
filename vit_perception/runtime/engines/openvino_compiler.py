"""A card's graph, compiled by OpenVINO for one shape of input at a time."""

from __future__ import annotations

import functools
from collections.abc import Collection
from pathlib import Path
from typing import Any

from vit_perception.cards.card import Card
from vit_perception.cards.raw_outputs import IMAGE
from vit_perception.runtime.engines.cache import prune_cache
from vit_perception.runtime.engines.compiled_shapes import Shapes
from vit_perception.runtime.engines.openvino_file import CompiledFile
from vit_perception.runtime.engines.shared_weights import attach
from vit_perception.runtime.malloc import give_back

# In which OpenVINO computes, by precision. int8: see `_options`, for what is not quantised.
HINTS = {"fp32": "f32", "bf16": "bf16"}


@functools.cache
def shared_core() -> Any:
    """The openvino.Core of this process, which is never destroyed.

    Each core puts signals on a stack of its own, and at its end puts them back on the one that it found. Of
    two cores that end in the order in which they were made, the second puts them back on the first one's,
    which is gone by then, and the next Ctrl-C is a segmentation fault (seen with OpenVINO 2026.4).
    """
    import openvino

    return openvino.Core()


def has(capability: str) -> bool:
    """Whether OpenVINO says this of the processor."""
    return capability in shared_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class OpenVinoCompiler:
    """Compiles a graph; knows nothing of the engine that runs it, so that both end with their last user.

    Args:
        card: whose graph it is.
        precision: `int8`, `bf16` or `fp32`.
        outputs: those that will ever be asked for; None is all.
        cache: folder to keep what was compiled, or None.
    """

    def __init__(
        self, card: Card, precision: str, outputs: Collection[str] | None, cache: Path | None
    ) -> None:
        self._card = card
        self._precision = precision
        self._outputs = outputs
        self._cache = cache

    def __call__(self, shapes: Shapes) -> Any:
        """What has an openvino.InferRequest's `infer`, for inputs of these shapes."""
        kept = None if self._cache is None else self._file(self._cache, shapes)
        request = kept.load() if kept else None
        if request is None:
            compiled = self._compile(shapes)
            if kept and kept.save(compiled):
                # What compiling leaves behind is more than what the file takes.
                del compiled
                give_back()
                request = kept.load() or self._compile(shapes).create_infer_request()
            else:
                request = compiled.create_infer_request()
            if self._cache is not None:
                prune_cache(self._cache)
        give_back()
        return request

    def graph(self) -> Any:
        """An openvino.Model without weights, if they are in a file of their own: read anew each time, since
        it takes 30 MB and a tenth of a second."""
        model = shared_core().read_model(self._card.file("int8" if self._precision == "int8" else "onnx"))
        # OpenVINO drops what leads to no output: attention weights above all, without which attention is
        # computed in one piece.
        for result in model.get_results():
            if self._outputs is not None and not set(self._outputs) & result.input_value(0).get_names():
                model.remove_result(result)
        return model

    def whole_graph(self) -> Any:
        """The graph with its weights, which only compiling needs: they would double the memory."""
        model = self.graph()
        if self._precision == "int8":
            attach(model, self._card.file("weights"))
        return model

    def _compile(self, shapes: Shapes) -> Any:
        model = _taking_pixels(self.whole_graph(), self._card)
        # A static shape lets OpenVINO plan memory and pick kernels once: several times quicker.
        model.reshape({name: list(shape) for name, shape in shapes})
        return shared_core().compile_model(model, "CPU", self._options())

    def _file(self, folder: Path, shapes: Shapes) -> CompiledFile:
        facts = {
            "files": dict(self._card.sha256),
            "pixels": [self._card.mean, self._card.std],
            "precision": self._precision,
            "outputs": None if self._outputs is None else sorted(self._outputs),
            "shapes": shapes,
        }
        return CompiledFile(shared_core(), folder, facts, self._options())

    def _options(self) -> dict[str, str]:
        rest = "bf16" if has("BF16") and "bf16" not in self._card.inexact else "f32"
        return {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": HINTS.get(self._precision, rest),
            # The default mode makes a smaller file that leaves work to each start.
            "CACHE_MODE": "OPTIMIZE_SPEED",
        }


def _taking_pixels(model: Any, card: Card) -> Any:
    """The graph with the normalisation in front: bytes go in, a quarter of the memory traffic."""
    import openvino

    steps = openvino.preprocess.PrePostProcessor(model)
    image = steps.input(IMAGE)
    image.tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    image.model().set_layout(openvino.Layout("NCHW"))
    mean, std = ([255 * value for value in values] for values in (card.mean, card.std))
    image.preprocess().convert_element_type(openvino.Type.f32).mean(mean).scale(std)
    return steps.build()
