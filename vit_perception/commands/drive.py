"""`vit-perception drive`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vit_perception.cards.card import Card, load_card
from vit_perception.commands.arguments import add_model_engine
from vit_perception.runtime.navigation_input import leads_to_a_goal
from vit_perception.sim.driving import NAVIGATOR, POLICIES
from vit_perception.sim.driving.conditions import CONDITIONS
from vit_perception.sim.world import KINDS

HELP = "let a navigator drive a robot through simulated worlds, and count how often it arrives"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--worlds", type=int, default=20, help="how many worlds (20)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first; the others follow (0)")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("out", "drive"),
        help="folder for summary.json, a map of each drive, drive.mp4 and bags (out/drive)",
    )
    for name, known, chosen in (
        ("conditions", tuple(CONDITIONS), "still,people"),
        ("policies", POLICIES, "navigator,follow_the_gap"),
        ("kinds", KINDS, ",".join(KINDS)),
    ):
        parser.add_argument(
            f"--{name}", type=_names, default=_names(chosen), metavar="A,B",
            help=f"of {', '.join(known)} ({chosen})",
        )  # fmt: skip
    parser.add_argument(
        "--real-time", action="store_true", help="drive on while a frame is answered; else in lock-step"
    )
    add_model_engine(parser)


def run(options: argparse.Namespace) -> int:
    """Do the drives that are not done yet, print the table, and return 0."""
    from vit_perception.hub.obtain import obtain_model
    from vit_perception.hub.report import to_stderr
    from vit_perception.replay.interruption import Interrupted, Interruption
    from vit_perception.replay.progress import progress_bar
    from vit_perception.sim.driving.folder import SUMMARY, Asked, Folder
    from vit_perception.sim.driving.report import table
    from vit_perception.sim.driving.run import ClosedLoop, Options

    asked = Asked(
        options.worlds, options.seed, options.kinds, options.conditions, options.policies, options.model
    )
    engine = tuple((name, getattr(options, name)) for name in ("engine", "device", "precision"))
    drives = Options(engine=engine, real_time=options.real_time)
    if NAVIGATOR in asked.policies:
        model = obtain_model(options.model, to_stderr).resolve()
        _check_navigator(load_card(model))
        drives = Options(model, engine, options.real_time)
    folder = Folder(options.output, asked)
    with Interruption() as interruption, progress_bar(len(asked.jobs), "drives", "drives") as bar:
        loop = ClosedLoop(asked, folder, drives, interruption.check)
        try:
            results = loop.run(bar.update)
        except Interrupted as error:
            print(f"\n{error}: the same command goes on", file=sys.stderr)
            return error.exit_code
    print(f"\n{table(results)}\n\nMaps, video and {SUMMARY} are in {options.output}")
    return 0


def _check_navigator(card: Card) -> None:
    """Refuse a model that cannot drive, before anything is waited for.

    Raises:
        ValueError: it gives no path to a goal.
    """
    if not leads_to_a_goal(card):
        raise ValueError(
            f"{card.name} is no navigator: name one with --model (docs/training.md says how to train it), or "
            "drive with --policies follow_the_gap,expert"
        )


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
