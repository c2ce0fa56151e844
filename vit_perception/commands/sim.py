"""`vit-perception sim`: labelled frames of simulated worlds, and bags."""

from __future__ import annotations

import argparse
from pathlib import Path

from vit_perception.sim.driving.conditions import CONDITIONS
from vit_perception.sim.world import KINDS

HELP = "record labelled frames, or a bag, in simulated worlds"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(required=True, metavar="record | bag")
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
    record.add_argument(
        "--driver",
        metavar="MODEL",
        help="name or folder of a navigator that drives, with the expert in turns (the expert alone)",
    )
    record.add_argument(
        "--share", type=float, default=0.7, help="of the time that the navigator drives, 0 to 1 (0.7)"
    )
    record.set_defaults(action=_record)
    bag = below.add_parser("bag", help="what a robot with a depth camera publishes while an expert drives it")
    bag.add_argument("--seed", type=int, default=0, help="seed of the world (0)")
    bag.add_argument("--seconds", type=float, default=20.0, help="of simulated time, at most (20)")
    bag.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="folder for the bag")
    bag.add_argument("--kind", choices=KINDS, help="kind of the world (the seed chooses)")
    bag.add_argument(
        "--condition", choices=CONDITIONS, default="people", help="who walks about, what breaks (people)"
    )
    bag.add_argument(
        "--size", type=int, nargs=2, default=(240, 320), metavar=("H", "W"), help="of pictures (240 320)"
    )
    bag.set_defaults(action=_bag)


def run(options: argparse.Namespace) -> int:
    """Do what the word after `sim` says."""
    code: int = options.action(options)
    return code


def _record(options: argparse.Namespace) -> int:
    """Write `options.output`."""
    from vit_perception.hub.obtain import obtain_model
    from vit_perception.hub.report import to_stderr
    from vit_perception.replay.progress import progress_bar
    from vit_perception.sim.learner import Learner, Tally
    from vit_perception.sim.record import Recording, record

    if options.workers is not None and options.workers < 1:
        raise ValueError(f"--workers is {options.workers}: give 1 or more")
    learner = None
    if options.driver is not None:
        learner = Learner(obtain_model(options.driver, to_stderr).resolve(), options.share)
    recording = Recording(options.frames, options.seed, tuple(options.kinds), tuple(options.size), learner)
    tally = Tally()
    with progress_bar(options.frames, "recording") as bar:
        count = record(recording, options.output, options.workers, bar.update, tally)
    print(f"{count} pictures in {options.output}")
    if tally.own:
        print(f"In this run, {tally}")
    return 0


def _bag(options: argparse.Namespace) -> int:
    """Write a bag into `options.output`."""
    from vit_perception.replay.progress import progress_bar
    from vit_perception.sim.driving.bag import Drive, record_bag

    drive = Drive(options.seed, options.seconds, options.kind, options.condition, tuple(options.size))
    with progress_bar(drive.frames, "recording") as bar:
        count = record_bag(drive, options.output, bar.update)
    print(f"{count} pictures with depth, camera_info and odometry in {options.output}")
    return 0
