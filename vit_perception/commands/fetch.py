"""`vit-perception models fetch`."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from vit_perception.cards.card import Card, load_card
from vit_perception.commands.arguments import add_prompts
from vit_perception.hub.build import build_public
from vit_perception.hub.licences import warning
from vit_perception.hub.names import parse_name
from vit_perception.hub.obtain import obtain_model
from vit_perception.hub.presets import Preset, find_preset
from vit_perception.hub.report import to_stderr
from vit_perception.hub.store import STORE_VARIABLE, store
from vit_perception.viz.describe import describe_source

HELP = "download public models and adopt them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="hf:ORG/NAME[@REVISION], timm:NAME, torchvision:NAME[/WEIGHTS], or a publisher's folder",
    )
    parser.add_argument(
        "--preset",
        metavar="NAME",
        help="fetch the public models of a preset; `vit-perception models` lists the presets",
    )
    parser.add_argument(
        "--to", type=Path, metavar="DIR", help="where to put the models' folders (the user's cache)"
    )
    add_prompts(parser, "what to look for, encoded now for robots without PyTorch")


def run(options: argparse.Namespace) -> int:
    """Adopt the models into `options.to`, the store unless given, and print how to use them.

    Raises:
        ValueError: neither a model nor a preset is named, or there is no such preset.
        FileNotFoundError, ValueError, OSError: a model cannot be had; see `obtain_model`.
    """
    preset = find_preset(options.preset) if options.preset else None
    if not options.names and preset is None:
        raise ValueError("name a model, as in hf:hustvl/yolos-tiny, or a preset, as in --preset cpu")
    where: Path = options.to or store()
    for name in options.names:
        _fetch(name, where, options.prompts)
    if preset is not None:
        for name in preset.names:
            _fetch(name, where, options.prompts or preset.prompts)
        print("\n".join(_summary(preset, where)))
    return 0


def _fetch(name: str, where: Path, prompts: Sequence[str]) -> None:
    """Adopt one model, and print how to use it."""
    public = parse_name(name)
    folder = obtain_model(name, to_stderr, where)
    card = load_card(folder)
    if not card.source:
        raise ValueError(f"{name} is a model of this package, in {folder}: copy that folder")
    if prompts:
        _encode(card, prompts)
    print(f"{describe_source(card)}\n  folder     {folder}\n  parameter  model:={shlex.quote(str(folder))}")
    if public is not None:
        print(f"  or         model:={public}{_with_store(where)}")
    print(
        "  The folder holds all that a robot needs: copied there, it runs without a network"
        f"{'' if 'onnx' in card.files else ', in PyTorch and with the library that it is from'}."
    )
    if reason := warning(card.licence):
        print(f"warning: {card.name}: {reason}", file=sys.stderr)


def _with_store(where: Path) -> str:
    """What has to be set so that a node finds the models in `where`."""
    return "" if where == store() else f" with {STORE_VARIABLE}={shlex.quote(str(where))}"


def _summary(preset: Preset, where: Path) -> Iterator[str]:
    """The models of a preset as a table, and how to launch them."""
    rows = [("task", "model", "licence", "ms")]
    rows += [(task, model.model, model.licence, model.latency) for task, model in preset.models.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    yield f"\npreset {preset.name}: {preset.description}"
    for *cells, latency in rows:
        yield (
            "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)) + f"  {latency}"
        )
    yield f"launch argument preset:={preset.name}{_with_store(where)}"


def _encode(card: Card, prompts: Sequence[str]) -> None:
    """Keep the encoding of these prompts in a model's folder."""
    from vit_perception.runtime.prompts import encode_prompts

    print(f"encoding {', '.join(prompts)} for {card.name}", file=sys.stderr)
    encode_prompts(card, prompts, build_public)
