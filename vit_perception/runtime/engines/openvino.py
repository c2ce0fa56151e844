"""OpenVINO on the CPU: the quickest engine on a robot without a GPU."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.cards.raw_outputs import IMAGE
from vit_perception.runtime.engines import NOTHING, EngineUnavailable
from vit_perception.runtime.engines.compiled_shapes import MOST, CompiledShapes, shapes_of
from vit_perception.runtime.engines.shared_weights import WEIGHT_PREFIX, attach
from vit_perception.runtime.malloc import give_back

_LOG = logging.getLogger(__name__)
# In which OpenVINO computes, by precision. int8: see `_options`, for what is not quantised.
HINTS = {"fp32": "f32", "bf16": "bf16"}
CACHE_VARIABLE = "VIT_PERCEPTION_CACHE"
# Bytes: some ten models, each in a few shapes. One that was deleted is compiled anew, in seconds.
MOST_CACHE = 1_000_000_000


@functools.cache
def shared_core() -> Any:
    """The openvino.Core of this process, which is never destroyed.

    Each core puts signals on a stack of its own, and at its end puts them back on the one that it found. Of
    two cores that end in the order in which they were made, the second puts them back on the first one's,
    which is gone by then, and the next Ctrl-C is a segmentation fault (seen with OpenVINO 2026.4).
    """
    import openvino

    return openvino.Core()


class OpenVinoEngine:
    """The card's model, compiled for each input shape that it meets (a card lists few).

    What was compiled is kept in a cache on disk, from which the next start takes it in a fifth of the time.

    Args:
        precision: `int8`, `bf16`, `fp32`, or `auto`: int8 if the card lists such a graph and the processor
            has instructions for it (VNNI or AMX), else bf16 where it has those, else fp32; none that the card
            calls inexact.
        cached: whether what is compiled is kept on disk, where that can be written.
        outputs: those that will ever be asked for; what only the others need is not computed. None is all.
        most_shapes: how many compiled shapes are kept.

    Raises:
        EngineUnavailable: the model has no int8 graph, or the processor no bf16.
        ValueError: the graph and the weights do not belong together.
    """

    name = "openvino"
    device = "cpu"

    def __init__(
        self,
        card: Card,
        precision: str = "auto",
        cached: bool = True,
        outputs: Collection[str] | None = None,
        most_shapes: int = MOST,
    ) -> None:
        import openvino

        self._openvino = openvino
        self._core = shared_core()
        self.precision = _choose(precision, card, self._has("BF16"))
        self._card = card
        self._cache = _open_cache() if cached else None
        self._graph = self._core.read_model(card.file("int8" if self.precision == "int8" else "onnx"))
        # OpenVINO drops what leads to no output: attention weights above all, without which attention is
        # computed in one piece.
        for result in self._graph.get_results():
            if outputs is not None and not set(outputs) & result.input_value(0).get_names():
                self._graph.remove_result(result)
        self.shapes = CompiledShapes[Any](lambda shapes: self._compile(dict(shapes)), most_shapes)
        names = [each.get_friendly_name() for each in self._graph.get_parameters()]
        self.inputs = tuple(name for name in names if name != IMAGE and not name.startswith(WEIGHT_PREFIX))
        self.outputs = tuple(output.get_any_name() for output in self._graph.outputs)

    def __call__(
        self,
        images: np.ndarray,
        outputs: Sequence[str] | None = None,
        extra: Mapping[str, np.ndarray] = NOTHING,
    ) -> dict[str, np.ndarray]:
        inputs = {IMAGE: images, **{name: extra[name] for name in self.inputs}}
        results = self.shapes.get(shapes_of(inputs)).infer(inputs, share_inputs=True)
        return dict(zip(self.outputs, results.values(), strict=True))

    def _has(self, capability: str) -> bool:
        return capability in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")

    def _whole(self) -> Any:
        """The graph with its weights, which only compiling needs: they would double the memory."""
        model = self._graph.clone()
        if self.precision == "int8":
            attach(model, self._card.file("weights"))
        return model

    def _taking_pixels(self, model: Any) -> Any:
        """The graph with the normalisation in front: bytes go in, a quarter of the memory traffic."""
        openvino = self._openvino
        steps = openvino.preprocess.PrePostProcessor(model)
        image = steps.input(IMAGE)
        image.tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
        image.model().set_layout(openvino.Layout("NCHW"))
        mean, std = ([255 * value for value in values] for values in (self._card.mean, self._card.std))
        image.preprocess().convert_element_type(openvino.Type.f32).mean(mean).scale(std)
        return steps.build()

    def _compile(self, shapes: dict[str, tuple[int, ...]]) -> Any:
        # A static shape lets OpenVINO plan memory and pick kernels once: several times quicker.
        model = self._taking_pixels(self._whole())
        model.reshape({name: list(shape) for name, shape in shapes.items()})
        request = self._core.compile_model(model, "CPU", self._options()).create_infer_request()
        del model
        give_back()
        if self._cache is not None:
            prune_cache(self._cache)
        return request

    def _options(self) -> dict[str, str]:
        rest = "bf16" if self._has("BF16") and "bf16" not in self._card.inexact else "f32"
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": HINTS.get(self.precision, rest),
        }
        if self._cache is not None:
            # The default mode keeps a smaller file that leaves work to each start.
            options |= {"CACHE_DIR": str(self._cache), "CACHE_MODE": "OPTIMIZE_SPEED"}
        return options


def cache_folder() -> Path:
    """Where compiled models are kept: `VIT_PERCEPTION_CACHE`, or the user's cache folder."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "vit_perception"


def _open_cache() -> Path | None:
    """The cache folder, made if need be; None where that is impossible. Warns if nothing can be kept there.

    One that is read-only is used all the same: it may have come with a container, filled.
    """
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
    except RuntimeError as error:  # the user has no home
        _warn_uncached(str(error))
    except OSError as error:
        _warn_uncached(f"{folder} cannot be made ({error.strerror})")
    else:
        if not os.access(folder, os.W_OK):
            _warn_uncached(f"{folder} cannot be written")
        return folder
    return None


def _warn_uncached(reason: str) -> None:
    _LOG.warning(
        "no compiled model is kept, so starts take longer: %s; set %s to a folder that can be written",
        reason,
        CACHE_VARIABLE,
    )


def prune_cache(folder: Path, most: int = MOST_CACHE) -> None:
    """Delete the oldest compiled models, so that at most `most` bytes are left."""
    with contextlib.suppress(OSError):  # another process may prune, too
        blobs = sorted(folder.glob("*.blob"), key=lambda blob: blob.stat().st_mtime, reverse=True)
        total = 0
        for blob in blobs:
            total += blob.stat().st_size
            if total > most:
                blob.unlink()


def _choose(precision: str, card: Card, has_bf16: bool) -> str:
    if precision == "auto":
        can = {"int8": "int8" in card.files and _has_int8_products(), "bf16": has_bf16}
        return next((name for name, able in can.items() if able and name not in card.inexact), "fp32")
    if precision == "int8" and "int8" not in card.files:
        raise EngineUnavailable(
            f"model {card.name} has no int8 graph: make one with vit-perception quantize, or use auto"
        )
    if precision == "bf16" and not has_bf16:
        raise EngineUnavailable("this processor has no bf16 arithmetic: use precision fp32 or auto")
    if precision not in (*HINTS, "int8"):
        raise EngineUnavailable(f"OpenVINO has no precision {precision} here: choose from int8, bf16, fp32")
    return precision


def _has_int8_products() -> bool:
    """Whether the processor multiplies bytes faster than floats (VNNI, AMX, or Arm's dot products);
    OpenVINO's own list says INT8 everywhere."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return any(word in flags for word in ("vnni", "amx_int8", "asimddp", "i8mm"))
