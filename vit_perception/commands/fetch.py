"""`vit-perception models fetch`."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from vit_perception.cards.card import Card, load_card
from vit_perception.commands.arguments import add_prompts
from vit_perception.hub.build import build_public
from vit_perception.hub.licences import warning
from vit_perception.hub.names import parse_name
from vit_perception.hub.obtain import obtain_model
from vit_perception.hub.report import to_stderr
from vit_perception.hub.store import STORE_VARIABLE, store
from vit_perception.viz.describe import describe_source

HELP = "download public models and adopt them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names",
        nargs="+",
        metavar="NAME",
        help="hf:ORG/NAME[@REVISION], timm:NAME, torchvision:NAME[/WEIGHTS], or a publisher's folder",
    )
    parser.add_argument(
        "--to", type=Path, metavar="DIR", help="where to put the models' folders (the user's cache)"
    )
    add_prompts(parser, "what to look for, encoded now for robots without PyTorch")


def run(options: argparse.Namespace) -> int:
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
        print(
            f"{describe_source(card)}\n  folder     {folder}\n  parameter  model:={shlex.quote(str(folder))}"
        )
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
    encode_prompts(card, prompts, build_public)
