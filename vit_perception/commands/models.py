"""`vit-perception models`: the models on this machine. `models fetch` is a command of its own."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from vit_perception.cards.card import load_card
from vit_perception.cards.files import CARD_FILE
from vit_perception.cards.locate import installed_models, model_folders
from vit_perception.commands import fetch
from vit_perception.hub.presets import find_preset, preset_files
from vit_perception.hub.store import store
from vit_perception.install_hint import pip_install
from vit_perception.viz.describe import describe_card, describe_source

HELP = "list the models here, the presets and the public checkpoints"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(metavar="fetch").add_parser("fetch", help=fetch.HELP)
    fetch.add_arguments(below)
    below.set_defaults(run=fetch.run)


def run(options: argparse.Namespace) -> int:
    """Print the installed models, those that were adopted, the presets and the checkpoints."""
    cards = [describe_card(load_card(folder)) for folder in installed_models().values()]
    print(
        "\n\n".join(cards)
        or f"no model is installed in {', '.join(map(str, model_folders())) or 'any known folder'}"
    )
    print(f"\nPublic models, adopted into {store()}:\n")
    print("\n".join(_adopted(store())) or "none yet: `vit-perception models fetch hf:ORG/NAME` gets one")
    print("\nPresets, sets of public models (`vit-perception models fetch --preset NAME`, preset:=NAME):\n")
    print("\n".join(_presets()))
    print(f"\nPublic checkpoints, to start a model of your own from (load_backbone):\n\n{_checkpoints()}")
    return 0


def _adopted(where: Path) -> Iterator[str]:
    """A line for each model in a store; for a damaged one, what is wrong."""
    for file in sorted(where.glob(f"[!.]*/{CARD_FILE}")):
        try:
            yield describe_source(load_card(file.parent))
        except (ValueError, OSError) as error:
            yield str(error)


def _presets() -> Iterator[str]:
    """A line for each preset."""
    for name in preset_files():
        preset = find_preset(name)
        yield f"{name}: {preset.description}; {', '.join(preset.models)}"


def _checkpoints() -> str:
    try:
        from vit_perception.checkpoints.catalog import describe_catalog
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        return f"they need PyTorch, which running a model does not: {pip_install('torch')}"
    return describe_catalog()
