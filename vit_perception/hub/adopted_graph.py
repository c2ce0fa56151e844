"""The graph of a public model that is being adopted: traced, pointed at its weights, compared with torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from vit_perception.cards.card import Card
from vit_perception.cards.files import ONNX_FILE
from vit_perception.cards.integrity import sha256
from vit_perception.cards.raw_outputs import CONTENT
from vit_perception.export.comparison import compare
from vit_perception.export.examples import example_content, example_images
from vit_perception.hub.reasons import reason_of
from vit_perception.runtime.preprocess import normalised

if TYPE_CHECKING:
    from torch import Tensor

    from vit_perception.hub.public_model import PublicModel

# Largest difference of an output between the graph and torch, relative to its largest value. Graphs that
# were wrong have differed by a hundredth and more; in deep networks, rounding comes to two thousandths.
PARITY = 5e-3


class CannotRun(ValueError):
    """The model gives no answer in torch either: its files do not go together."""


def with_graph(model: PublicModel, card: Card, text: Mapping[str, Tensor]) -> Card:
    """Write the graph into the card's folder; gives the card that lists it.

    Args:
        model: with its weights, which the card's folder holds already.
        card: without a graph.
        text: example values of the text inputs.

    Raises:
        CannotRun: torch itself refuses an image. Any other error: no graph answers as torch does.
    """
    import onnx
    import torch

    from vit_perception.export.traced_graph import trace
    from vit_perception.runtime.engines.shared_weights import point_into

    def answers(image: Tensor, **extra: Tensor) -> dict[str, Tensor]:
        try:
            return model(image, attention=True, **extra)
        except Exception as error:  # other people's code, on settings that we did not write
            raise CannotRun(
                f"model {card.name} gives no answer to an image ({reason_of(error)}): its files do not go "
                "together"
            ) from error

    size = card.input_sizes[0]
    extra = dict(text)
    if CONTENT in model.inputs:
        extra[CONTENT] = torch.from_numpy(example_content(size))
    with torch.no_grad():
        answers(torch.from_numpy(normalised(example_images(size), card)), **extra)
    for batched in (True, False):
        graph = trace(model, size, extra, scalable=card.scalable, batched=batched)
        point_into(graph, card.file("weights"))
        onnx.save_model(graph, str(card.folder / ONNX_FILE))
        made = dataclasses.replace(
            card,
            files={**card.files, "onnx": ONNX_FILE},
            sha256={**card.sha256, ONNX_FILE: sha256(card.folder / ONNX_FILE)},
            batched=batched,
        )
        try:
            compare(made, answers, PARITY, text, every_size_on_all=False)
        except (ValueError, RuntimeError):
            if not batched:
                raise
        else:
            return made
    raise AssertionError("the loop returns or raises")
