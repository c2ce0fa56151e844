"""`vit-perception quantize`."""

from __future__ import annotations

import argparse
import dataclasses
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vit_perception.commands.arguments import add_frames

if TYPE_CHECKING:
    from vit_perception.training.material import Material

HELP = "give a model an int8 graph for OpenVINO"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="name or folder of a model")
    add_frames(parser, 128)
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="write a copy of the model here (by default, its own folder is changed)",
    )
    parser.add_argument(
        "--keep",
        nargs="*",
        metavar="PART",
        help="leave these in higher precision: patch_embed, first_block, first_stage, attention, "
        "pyramid, heads "
        "(those where it improves accuracy at little cost)",
    )


def run(options: argparse.Namespace) -> int:
    """Quantise into the model's own folder, or a copy of it, and write on its card what was measured."""
    from vit_perception.cards.card import load_card, write_card
    from vit_perception.export.quantize import quantize
    from vit_perception.hub.build import build_public
    from vit_perception.hub.obtain import obtain_model
    from vit_perception.hub.report import to_stderr
    from vit_perception.training.material import gather

    folder = obtain_model(options.model, to_stderr)
    material = gather(options.data, load_card(folder), options.splits, options.frames)
    if options.output is not None:
        folder = Path(shutil.copytree(folder, options.output, dirs_exist_ok=True))
    card = quantize(load_card(folder), material.frames, options.keep, build_public=build_public)
    write_card(card)
    measured = _measure(folder, material)
    write_card(dataclasses.replace(card, metrics={**card.metrics, "int8": measured}))
    for name, value in measured.items():
        print(f"{name:28}{value}")
    print(f"Written to {folder}: precision auto takes it where the processor has int8 products")
    return 0


def _measure(folder: Path, material: Material) -> dict[str, Any]:
    """int8 against fp32, in percent: metrics where there are labels, else how similar the answers are."""
    from vit_perception.export.agreement import agreement
    from vit_perception.training.evaluate import compare_precisions, in_both_precisions

    if material.pictures is None:
        return agreement(*in_both_precisions(folder), material.others)
    return {**compare_precisions(folder, material.pictures, material.numbers), **material.measured()}
