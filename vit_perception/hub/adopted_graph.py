"""The graph of a public model that is being adopted: traced, pointed at its weights, compared with torch."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from vit_perception.cards.card import Card
from vit_perception.cards.integrity import sha256
from vit_perception.cards.raw_outputs import CONTENT
from vit_perception.hub.reasons import reason_of
from vit_perception.runtime.engines import Engine
from vit_perception.runtime.preprocess import normalised

if TYPE_CHECKING:
    from torch import Tensor

    from vit_perception.hub.public_model import PublicModel

GRAPH = "model.onnx"
# Largest difference of an output between the graph and torch, relative to its largest value. Graphs that
# were wrong have differed by a hundredth and more; in deep networks, rounding comes to two thousandths.
PARITY = 5e-3


class CannotRun(ValueError):
    """The model gives no answer in torch either: its files do not go together."""


def with_graph(model: PublicModel, card: Card, text: Mapping[str, Tensor]) -> Card:
    """Write the graph into the card's folder; gives the card that lists it.

    Args:
        text: example values of the text inputs.

    Raises:
        CannotRun: torch itself refuses an image. Any other error: no graph answers as torch does.
    """
    import onnx

    from vit_perception.export.traced_graph import graph_of
    from vit_perception.runtime.engines.shared_weights import point_into

    extra = dict(text)
    if CONTENT in model.inputs:
        extra[CONTENT] = _content(card.input_sizes[0])
    _answers(model, _images(card, card.input_sizes[0]), card, extra)
    for batched in (True, False):
        graph = graph_of(model, card.input_sizes[0], extra, scalable=card.scalable, batched=batched)
        point_into(graph, card.file("weights"))
        onnx.save_model(graph, str(card.folder / GRAPH))
        made = dataclasses.replace(
            card,
            files={**card.files, "onnx": GRAPH},
            sha256={**card.sha256, GRAPH: sha256(card.folder / GRAPH)},
            batched=batched,
        )
        try:
            _compare(model, made, extra)
        except (ValueError, RuntimeError):
            if not batched:
                raise
        else:
            return made
    raise AssertionError("the loop returns or raises")


def _compare(model: PublicModel, card: Card, extra: Mapping[str, Tensor]) -> None:
    """Raise ValueError if an engine's answers are not torch's.

    Every engine on one image of the first size: one may compute a graph wrong that another computes right.
    What a trace of two images holds fast that should be free shows in any engine, so other sizes go to the
    first alone: OpenVINO would compile for each, which takes a large model minutes.
    """
    engines = _engines(card)
    first, *others = card.input_sizes
    for engine in engines:
        _compare_on(engine, model, card, first, extra)
    for size in others:
        _compare_on(engines[0], model, card, size, extra)


def _compare_on(
    engine: Engine, model: PublicModel, card: Card, size: tuple[int, int], extra: Mapping[str, Tensor]
) -> None:
    from vit_perception.export.traced_graph import differences

    images = _images(card, size)
    given = {**extra, **({CONTENT: _content(size)} if CONTENT in extra else {})}
    expected = _answers(model, images, card, given)
    found = engine(images, extra={name: value.numpy() for name, value in given.items()})
    for output, value in differences(expected, found, model.outputs).items():
        if not value <= PARITY:
            raise ValueError(f"{engine.name} differs from torch in {output} by {value:.2g} of its range")


def _engines(card: Card) -> list[Engine]:
    """Those that are installed, the one that needs not compile first."""
    engines: list[Engine] = []
    if importlib.util.find_spec("onnxruntime"):
        from vit_perception.runtime.engines.onnxruntime import OnnxRuntimeEngine

        engines.append(OnnxRuntimeEngine(card, "cpu", "fp32"))
    if importlib.util.find_spec("openvino"):
        from vit_perception.runtime.engines.openvino import OpenVinoEngine

        engines.append(OpenVinoEngine(card, "fp32", cached=False))
    if not engines:
        raise ValueError("neither openvino nor onnxruntime is installed to run a graph")
    return engines


def _images(card: Card, size: tuple[int, int]) -> np.ndarray:
    """Noise in which no pixel is like the next."""
    return np.random.default_rng(0).integers(0, 256, (1, *size, 3), np.uint8)


def _answers(
    model: PublicModel, images: np.ndarray, card: Card, extra: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    import torch

    try:
        with torch.no_grad():
            return model(torch.from_numpy(normalised(images, card)), attention=True, **extra)
    except Exception as error:  # other people's code, on settings that we did not write
        raise CannotRun(
            f"model {card.name} gives no answer to an image ({reason_of(error)}): its files do not go "
            "together"
        ) from error


def _content(size: tuple[int, int]) -> Tensor:
    """Frames that leave some of the input to padding: of a full one, a trace would leave the mask out."""
    import torch

    return torch.tensor([[size[0] * 3 // 4, size[1] - size[1] // 8]])
