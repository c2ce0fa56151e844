"""`vit-perception chaos`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from vit_perception.commands.arguments import add_model_name

HELP = "run a live suite among faults that a seed draws, and fail on a dead node or a lie"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long faults are drawn (60)")
    parser.add_argument("--seed", type=int, default=0, help="of the draws (0)")
    parser.add_argument(
        "--memory-mb", type=float, default=1000.0, help="most resident memory of the suite, in MB (1000)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        default=Path("out/chaos"),
        help="gets suite.log and outcome.json (out/chaos)",
    )
    add_model_name(parser)


def run(options: argparse.Namespace) -> int:
    """Print the tables; 0 if nothing is wrong."""
    from vit_perception.chaos.report import table
    from vit_perception.chaos.run import run_chaos
    from vit_perception.hub.obtain import obtain_model
    from vit_perception.hub.report import to_stderr

    model = obtain_model(options.model, to_stderr).resolve()
    outcome = run_chaos(
        options.seconds,
        options.seed,
        options.output,
        model,
        options.memory_mb,
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    (options.output / "outcome.json").write_text(json.dumps(vars(outcome), indent=2) + "\n")
    print(table(outcome))
    return 1 if outcome.problems else 0
