"""OpenVINO on the CPU: the quickest engine on a robot without a GPU."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.cards.raw_outputs import IMAGE
from vit_perception.runtime.engines import NOTHING, EngineUnavailable
from vit_perception.runtime.engines.cache import open_cache
from vit_perception.runtime.engines.compiled_shapes import MOST, CompiledShapes, shapes_of
from vit_perception.runtime.engines.openvino_compiler import HINTS, OpenVinoCompiler, has
from vit_perception.runtime.engines.shared_weights import WEIGHT_PREFIX


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
        self.precision = _choose(precision, card)
        self.compiler = OpenVinoCompiler(card, self.precision, outputs, open_cache() if cached else None)
        self.shapes = CompiledShapes[Any](self.compiler, most_shapes)
        graph = self.compiler.graph()
        names = [each.get_friendly_name() for each in graph.get_parameters()]
        self.inputs = tuple(name for name in names if name != IMAGE and not name.startswith(WEIGHT_PREFIX))
        self.outputs = tuple(output.get_any_name() for output in graph.outputs)

    def __call__(
        self,
        images: np.ndarray,
        outputs: Sequence[str] | None = None,
        extra: Mapping[str, np.ndarray] = NOTHING,
    ) -> dict[str, np.ndarray]:
        inputs = {IMAGE: images, **{name: extra[name] for name in self.inputs}}
        results = self.shapes.get(shapes_of(inputs)).infer(inputs, share_inputs=True)
        return dict(zip(self.outputs, results.values(), strict=True))


def _choose(precision: str, card: Card) -> str:
    if precision == "auto":
        can = {"int8": "int8" in card.files and _has_int8_products(), "bf16": has("BF16")}
        return next((name for name, able in can.items() if able and name not in card.inexact), "fp32")
    if precision == "int8" and "int8" not in card.files:
        raise EngineUnavailable(
            f"model {card.name} has no int8 graph: make one with vit-perception quantize, or use auto"
        )
    if precision == "bf16" and not has("BF16"):
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
