"""`vit-perception models`: what there is on this machine, and public models fetched onto it."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from vit_perception.runtime.adopt import obtain_model, to_stderr
from vit_perception.runtime.card import FILE, Card, load_card
from vit_perception.runtime.describe import describe_card
from vit_perception.runtime.locate import installed_models, model_folders
from vit_perception.runtime.store import STORE_VARIABLE, store
from vit_perception.zoo.licences import warning
from vit_perception.zoo.names import parse_name


def print_models() -> None:
    """The installed models, and those that were adopted."""
    cards = [describe_card(load_card(folder)) for folder in installed_models().values()]
    print(
        "\n\n".join(cards)
        or f"no model is installed in {', '.join(map(str, model_folders())) or 'any known folder'}"
    )
    print(f"\nPublic models, adopted into {store()}:\n")
    print("\n".join(_adopted(store())) or "none yet: `vit-perception models fetch hf:ORG/NAME` gets one")


def run_fetch(options: argparse.Namespace) -> int:
    """Adopt each of `options.names` into `options.to`, the store unless given, and print how to use it.

    Raises:
        FileNotFoundError, ValueError, OSError: one cannot be had; see `obtain_model`.
    """
    where: Path = options.to or store()
    for name in options.names:
        public = parse_name(name)
        folder = obtain_model(name, to_stderr, where)
        card = load_card(folder)
        if not card.source:
            raise ValueError(f"{name} is a model of this package, in {folder}: copy that folder")
        if options.prompts:
            _encode(card, options.prompts)
        print(f"{_line(card)}\n  folder     {folder}\n  parameter  model:={shlex.quote(str(folder))}")
        if public is not None:
            name_works = "" if where == store() else f" with {STORE_VARIABLE}={shlex.quote(str(where))}"
            print(f"  or         model:={public}{name_works}")
        print(
            "  The folder holds all that a robot needs: copied there, it runs without a network"
            f"{'' if 'onnx' in card.files else ', in PyTorch and with the library that it is from'}."
        )
        if reason := warning(card.licence):
            print(f"warning: {card.name}: {reason}", file=sys.stderr)
    return 0


def _encode(card: Card, prompts: Sequence[str]) -> None:
    """Keep the encoding of these prompts in a model's folder."""
    from vit_perception.runtime.prompts import encode_prompts

    print(f"encoding {', '.join(prompts)} for {card.name}", file=sys.stderr)
    encode_prompts(card, prompts)


def _adopted(where: Path) -> Iterator[str]:
    """A line for each model in a store; one that is damaged is said to be."""
    for file in sorted(where.glob(f"[!.]*/{FILE}")):
        try:
            yield _line(load_card(file.parent))
        except (ValueError, OSError) as error:
            yield str(error)


def _line(card: Card) -> str:
    """Name, tasks, engines, licence and source."""
    engines = "OpenVINO, ONNX Runtime, PyTorch" if "onnx" in card.files else "PyTorch"
    source = "" if card.source == card.name else f"; from {card.source}"
    return f"{card.name}: {', '.join(card.tasks)}; {engines}; {card.licence}{source}"
