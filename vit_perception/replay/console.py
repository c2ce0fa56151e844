"""The replay on a terminal, shared by the commands `replay` and `demo`: its options and its ending."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from tqdm.contrib.logging import logging_redirect_tqdm

from vit_perception.replay.disk import DiskFull
from vit_perception.replay.interruption import Interrupted, Interruption
from vit_perception.replay.run import RESULTS, SUMMARY, Options, Run
from vit_perception.replay.scoreboard import table


def node_options(arguments: argparse.Namespace) -> Options:
    """The options that both commands take."""
    return Options(
        model=arguments.model,
        engine=arguments.engine,
        device=arguments.device,
        precision=arguments.precision,
        tasks=arguments.tasks,
        prompts=arguments.prompts or (),
    )


def finish(run: Callable[[Callable[[], None]], Run], folder: Path, lost_fails: bool) -> int:
    """Run until done, interrupted or out of room, print the result, and return the exit code.

    Args:
        run: does the replay; its argument is to be called often, and raises when the user interrupts.
        folder: of the results.
        lost_fails: whether a dropped frame makes the exit code 1.
    """
    with Interruption() as interruption, logging_redirect_tqdm():
        try:
            summary = run(interruption.check).summary
        except (Interrupted, DiskFull) as error:
            recorded = folder / RESULTS
            kept = f"what was recorded is in {recorded}" if recorded.exists() else "nothing was recorded yet"
            print(f"\n{error}: {kept}", file=sys.stderr)
            return error.exit_code
    print(f"\n{table(summary)}\n\nRecorded {folder / RESULTS}, summarised in {folder / SUMMARY}")
    return 1 if lost_fails and summary["dropped"] else 0
