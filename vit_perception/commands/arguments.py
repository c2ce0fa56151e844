"""Arguments that several commands take, each with one spelling and one help text."""

from __future__ import annotations

import argparse
from pathlib import Path

from vit_perception.cards.locate import DEFAULT_MODEL
from vit_perception.runtime.engines.select import DEVICES, ENGINES, PRECISIONS
from vit_perception.tasks import TASKS, check_tasks


def add_model_name(parser: argparse.ArgumentParser) -> None:
    """`--model` alone."""
    parser.add_argument("--model", default=DEFAULT_MODEL, help=f"name or folder of a model ({DEFAULT_MODEL})")


def add_model(parser: argparse.ArgumentParser) -> None:
    """A model, what runs it, and what it is asked for."""
    add_model_name(parser)
    parser.add_argument("--engine", default="auto", choices=("auto", *ENGINES))
    parser.add_argument("--device", default="auto", choices=("auto", *DEVICES))
    parser.add_argument("--precision", default="auto", choices=("auto", *PRECISIONS))
    parser.add_argument("--tasks", type=_tasks, default=TASKS, help="some of " + ",".join(TASKS))
    add_prompts(parser, "what a model with an open vocabulary looks for")


def add_prompts(parser: argparse.ArgumentParser, help: str) -> None:
    """`--prompts`, separated by commas."""
    parser.add_argument("--prompts", type=_texts, metavar="A,B", help=help)


def add_frames(parser: argparse.ArgumentParser, count: int) -> None:
    """`--data` and `--frames`, of which a command uses `count` unless told."""
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="frames of your camera; with boxes/ and panoptic.json, accuracy is measured before and after",
    )
    parser.add_argument("--frames", type=int, default=count, help=f"how many of them to measure on ({count})")


def _texts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _tasks(text: str) -> tuple[str, ...]:
    try:
        return check_tasks(name.strip() for name in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
