"""`vit-perception replay` and `vit-perception demo`: the run, its table, and how it ended."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

from tqdm.contrib.logging import logging_redirect_tqdm

from vit_perception.replay.demo import OVERVIEW, run_demo
from vit_perception.replay.interruption import Interrupted, Interruption
from vit_perception.replay.overlays import OVERLAYS, write_overlays
from vit_perception.replay.progress import progress_bar
from vit_perception.replay.run import RESULTS, SUMMARY, Options, Run, refuse_overwriting, replay
from vit_perception.replay.scoreboard import table
from vit_perception.replay.sources import open_source


def run_replay(arguments: argparse.Namespace) -> int:
    """Replay `arguments.input` into `arguments.output`; the exit code is not 0 if lockstep lost a frame."""
    refuse_overwriting(arguments.input, arguments.output)
    source = open_source(arguments.input, arguments.topic)
    options = dataclasses.replace(
        _options(arguments),
        composed=arguments.composed,
        hz=arguments.rate,
        domain_id=arguments.domain_id,
    )

    def run(check: Callable[[], None]) -> Run:
        print(f"Replaying {source.description}")
        run = replay(source, arguments.output, options, check)
        for reason in source.skipped:
            print(f"skipped {reason}", file=sys.stderr)
        if arguments.overlays:
            with progress_bar(run.summary["frames_in"], "overlays") as bar:

                def drawn() -> None:
                    check()
                    bar.update()

                write_overlays(arguments.output / RESULTS, run.names, arguments.output / OVERLAYS, drawn)
        return run

    return _finish(run, arguments.output, lost_fails=arguments.rate is None)


def run_demonstration(arguments: argparse.Namespace) -> int:
    """Show what a model sees in scikit-image's photographs; gives the exit code."""
    options = _options(arguments)
    code = _finish(
        lambda check: run_demo(arguments.output, options, check), arguments.output, lost_fails=True
    )
    if code == 0:
        print(f"Look at {arguments.output / OVERVIEW}")
    return code


def _options(arguments: argparse.Namespace) -> Options:
    """What both commands take."""
    return Options(
        model=arguments.model,
        engine=arguments.engine,
        device=arguments.device,
        precision=arguments.precision,
        tasks=arguments.tasks,
        prompts=arguments.prompts or (),
    )


def _finish(run: Callable[[Callable[[], None]], Run], folder: Path, lost_fails: bool) -> int:
    """Run until done or interrupted, and say what there is now."""
    with Interruption() as interruption, logging_redirect_tqdm():
        try:
            summary = run(interruption.check).summary
        except Interrupted as error:
            recorded = folder / RESULTS
            kept = f"what was recorded is in {recorded}" if recorded.exists() else "nothing was recorded yet"
            print(f"\n{error}: {kept}", file=sys.stderr)
            return error.exit_code
    print(f"\n{table(summary)}\n\nRecorded {folder / RESULTS}, summarised in {folder / SUMMARY}")
    return 1 if lost_fails and summary["dropped"] else 0
