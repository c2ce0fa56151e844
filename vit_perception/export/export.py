"""Model → folder that runs without torch: card, `model.safetensors`, and `model.onnx` that reads it.

The graph keeps no weights of its own. Its initialisers point into the safetensors file, so the
torch engine and the ONNX engines share one copy, half-precision matrices cast up as they load.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

import onnx
from safetensors.torch import load_file, save_file

from vit_perception.cards.card import Card, write_card
from vit_perception.cards.files import ONNX_FILE, WEIGHTS_FILE
from vit_perception.cards.integrity import sha256
from vit_perception.export.comparison import compare
from vit_perception.export.graph import graph_of
from vit_perception.model import PerceptionModel
from vit_perception.runtime.engines.shared_weights import point_into

# Largest difference of an output between the graph and torch, relative to its largest value.
PARITY = 1e-3


def save_weights(model: PerceptionModel, path: Path) -> None:
    """Write matrices as float16, vectors (norms, scales, biases: tiny, and small in value) as float32."""
    state = model.state_dict()
    save_file({k: (v.half() if v.ndim > 1 else v.float()).contiguous() for k, v in state.items()}, str(path))
    path.chmod(0o644)  # safetensors makes a private file; a model is installed for every user


def export(model: PerceptionModel, card: Card, folder: Path) -> dict[str, float]:
    """Write card, weights and graph to `folder`.

    Args:
        model: gets the weights as they were stored, and is in evaluation mode afterwards.
        card: `files` and `sha256` are filled in here.
        folder: made if need be.

    Returns:
        The largest difference of each output between the graph and torch, see `export.comparison`.

    Raises:
        ValueError: the graph disagrees with torch by more than `PARITY`; no card is written then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / WEIGHTS_FILE
    save_weights(model, weights)
    # From here on the model is what was stored, so that the comparison is of the graph and not the rounding.
    model.load_state_dict({k: v.float() for k, v in load_file(str(weights)).items()})
    graph = graph_of(model, card.input_sizes[0])
    point_into(graph, weights)
    onnx.save_model(graph, str(folder / ONNX_FILE))
    card = dataclasses.replace(
        card,
        folder=folder,
        files={"onnx": ONNX_FILE, "weights": WEIGHTS_FILE},
        sha256={name: sha256(folder / name) for name in (ONNX_FILE, WEIGHTS_FILE)},
    )
    differences = compare(card, partial(model.eval(), attention=True), PARITY, every_size_on_all=True)
    write_card(card)
    return differences
