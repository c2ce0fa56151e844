"""`vit-perception sim`: labelled frames of simulated worlds."""

from __future__ import annotations

import argparse
from pathlib import Path

from vit_perception.sim.world import KINDS

HELP = "record labelled frames in simulated worlds"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(required=True, metavar="record")
    record = below.add_parser("record", help="a robot drives through worlds, and every frame is labelled")
    record.add_argument("--frames", type=int, required=True, metavar="N", help="how many pictures")
    record.add_argument("--seed", type=int, default=0, help="seed of the first world; the others follow (0)")
    record.add_argument(
        "--output", type=Path, required=True, metavar="DATASET", help="folder to write, or to finish"
    )
    record.add_argument(
        "--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="kinds of worlds, in turns (all)"
    )
    record.add_argument(
        "--size", type=int, nargs=2, default=(240, 320), metavar=("H", "W"), help="of pictures (240 320)"
    )
    record.add_argument("--workers", type=int, metavar="N", help="processes (one for each core)")
    record.set_defaults(action=_record)


def run(options: argparse.Namespace) -> int:
    """Do what the word after `sim` says."""
    code: int = options.action(options)
    return code


def _record(options: argparse.Namespace) -> int:
    """Write `options.output`."""
    from vit_perception.replay.progress import progress_bar
    from vit_perception.sim.record import Recording, record

    if options.workers is not None and options.workers < 1:
        raise ValueError(f"--workers is {options.workers}: give 1 or more")
    recording = Recording(options.frames, options.seed, tuple(options.kinds), tuple(options.size))
    with progress_bar(options.frames, "recording") as bar:
        count = record(recording, options.output, options.workers, bar.update)
    print(f"{count} pictures in {options.output}")
    return 0
