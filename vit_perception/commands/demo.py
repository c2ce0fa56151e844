"""`vit-perception demo`."""

from __future__ import annotations

import argparse
from pathlib import Path

from vit_perception.commands.arguments import add_model

HELP = "replay photographs that scikit-image ships and draw a contact sheet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output", type=Path, default=Path("out", "demo"), help="folder for the results (out/demo)"
    )
    add_model(parser)


def run(options: argparse.Namespace) -> int:
    """Show what a model sees in scikit-image's photographs."""
    from vit_perception.replay.console import finish, node_options
    from vit_perception.replay.demo import OVERVIEW, run_demo

    settings = node_options(options)
    code = finish(lambda check: run_demo(options.output, settings, check), options.output, lost_fails=True)
    if code == 0:
        print(f"Look at {options.output / OVERVIEW}")
    return code
