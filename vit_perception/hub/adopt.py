"""A public model becomes one of ours: a folder with a card, weights, and a graph that needs no torch."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vit_perception.cards.card import Card, write_card
from vit_perception.cards.files import ONNX_FILE, WEIGHTS_FILE
from vit_perception.cards.integrity import sha256
from vit_perception.cards.recipe import read_recipe
from vit_perception.export.auto_precision import compare_auto, photographs
from vit_perception.hub.adopted_graph import CannotRun, with_graph
from vit_perception.hub.build import build_public, open_public
from vit_perception.hub.families.files import SIDECARS
from vit_perception.hub.reasons import reason_of
from vit_perception.hub.report import Report
from vit_perception.hub.store import is_full, new_folder
from vit_perception.runtime.preprocess import input_size
from vit_perception.runtime.prompts import keep_encoding

if TYPE_CHECKING:
    from vit_perception.hub.public_model import Facts, PublicModel

# Cameras of 4:3, 16:9 and upright.
FRAMES = ((480, 640), (720, 1280), (640, 480))
EXAMPLE_PROMPTS = ("person", "forklift", "pallet")


def adopt(folder: Path, target: Path, name: str, source: str, licence: str, report: Report) -> Path:
    """Write a publisher's model in `folder` as one of ours into `target`.

    Args:
        folder: with the publisher's files.
        target: the folder that the model gets, beside which it is written at first.
        name: what the card calls it.
        source: where its files are from, for the card.
        licence: by SPDX's name where it has one, for the card.
        report: called with each step that takes time.

    Raises:
        FileNotFoundError, ValueError: the model is incomplete, damaged or not supported.
        OSError: `target` cannot be written.
    """
    report(f"reading {name}")
    model, facts, architecture = open_public(folder)
    with new_folder(target) as draft:
        for sidecar in SIDECARS:
            if (folder / sidecar).is_file():
                shutil.copyfile(folder / sidecar, draft / sidecar)
        _save_weights(model, draft / WEIGHTS_FILE)
        card = _card(model, facts, architecture, draft, name, source, licence)
        text = _examples_encoded(model, card) if card.open_vocabulary else {}
        report(f"exporting {name}")
        try:
            card = with_graph(model, card, text)
        except CannotRun:
            raise
        except Exception as error:  # whatever an exporter or an engine has against a model, torch runs it
            if is_full(error):
                raise
            (draft / ONNX_FILE).unlink(missing_ok=True)
            report(f"{name} cannot be exported ({reason_of(error)}): it runs in torch")
        write_card(card)
        if frames := photographs():
            report(f"comparing {name} in this machine's fastest precision with fp32")
            compare_auto(draft, frames, report, build_public)
    return target


def _card(
    model: PublicModel,
    facts: Facts,
    architecture: dict[str, Any],
    folder: Path,
    name: str,
    source: str,
    licence: str,
) -> Card:
    recipe = read_recipe(facts.recipe)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Card(
        name=name,
        description=f"{architecture.get('class', architecture.get('name'))} for {facts.task}, "
        f"{parameters / 1e6:.1f} million parameters.",
        licence=licence,
        provenance=f"Adopted as it is from {source}.",
        architecture=architecture,
        files={"weights": WEIGHTS_FILE},
        sha256={WEIGHTS_FILE: sha256(folder / WEIGHTS_FILE)},
        patch_size=1,
        input_sizes=tuple(dict.fromkeys(input_size(recipe, frame) for frame in FRAMES)),
        mean=facts.mean,  # type: ignore[arg-type]
        std=facts.std,  # type: ignore[arg-type]
        labels=EXAMPLE_PROMPTS if facts.open_vocabulary else facts.labels,
        things=tuple(range(len(EXAMPLE_PROMPTS))) if facts.open_vocabulary else facts.things,
        actions=(),
        trained=facts.trained,
        thresholds=facts.thresholds,
        metrics={},
        source=source,
        recipe=recipe,
        decoding=facts.decoding,  # type: ignore[arg-type]
        open_vocabulary=facts.open_vocabulary,
        folder=folder,
    )


def _save_weights(model: PublicModel, path: Path) -> None:
    from safetensors.torch import save_file

    # Shared tensors are stored once for each name: our loader is strict about names.
    state = {name: value.clone().contiguous() for name, value in model.state_dict().items()}
    save_file(state, str(path))
    path.chmod(0o644)  # safetensors makes a private file; a robot's nodes may run as another user


def _examples_encoded(model: PublicModel, card: Card) -> dict[str, Any]:
    """Encode the example prompts and keep that in the card's folder, so that they work without torch."""
    text = dict(model.encode(EXAMPLE_PROMPTS))
    keep_encoding(card, EXAMPLE_PROMPTS, {name: value.numpy() for name, value in text.items()})
    return text
