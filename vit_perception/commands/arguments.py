"""Arguments that several commands share, so that each is spelt and explained once."""

from __future__ import annotations

import argparse
from pathlib import Path

from vit_perception.cards.locate import DEFAULT_MODEL
from vit_perception.runtime.engines.select import DEVICES, ENGINES, PRECISIONS
from vit_perception.tasks import TASKS, check_tasks


def add_model_name(parser: argparse.ArgumentParser) -> None:
    """`--model`."""
    parser.add_argument("--model", default=DEFAULT_MODEL, help=f"name or folder of a model ({DEFAULT_MODEL})")


def add_model(parser: argparse.ArgumentParser) -> None:
    """A model, the engine that runs it, and the tasks it answers."""
    add_model_engine(parser)
    parser.add_argument(
        "--tasks", type=_tasks, default=TASKS, help=f"tasks to answer, of {','.join(TASKS)} (all)"
    )
    add_prompts(parser, "what a model with an open vocabulary looks for (the examples on its card)")


def add_model_engine(parser: argparse.ArgumentParser) -> None:
    """A model, and the engine that runs it."""
    add_model_name(parser)
    for name, choices in (("engine", ENGINES), ("device", DEVICES), ("precision", PRECISIONS)):
        parser.add_argument(
            f"--{name}",
            default="auto",
            choices=("auto", *choices),
            help="auto takes the fastest that runs here",
        )


def add_prompts(parser: argparse.ArgumentParser, help: str) -> None:
    """`--prompts`, separated by commas."""
    parser.add_argument("--prompts", type=_texts, metavar="A,B", help=help)


def add_frames(parser: argparse.ArgumentParser, count: int) -> None:
    """`--data` and `--frames`, of which a command uses `count` by default."""
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="pictures from your camera; with labels of the model, accuracy is measured, too",
    )
    parser.add_argument(
        "--splits",
        type=Path,
        metavar="YAML",
        help="splits.yaml of the run that trained the model: measure on the part that reports",
    )
    parser.add_argument(
        "--frames", type=int, default=count, help=f"how many of the pictures to use ({count})"
    )


def _texts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _tasks(text: str) -> tuple[str, ...]:
    try:
        return check_tasks(name.strip() for name in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
