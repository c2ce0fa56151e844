"""`vit-perception bench`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vit_perception.bench import PARTS
from vit_perception.commands.arguments import add_model

if TYPE_CHECKING:
    from vit_perception.bench.sections import Bench

HELP = "measure the nodes on this machine, live, against the targets"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print all results as JSON")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="also write the results to this file, as JSON"
    )
    parser.add_argument(
        "--only", nargs="+", metavar="PART", choices=PARTS, help="parts to run, of " + ", ".join(PARTS)
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="labelled photographs, to compare the accuracy of int8 and fp32",
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the main run, in seconds (60)")
    parser.add_argument("--brief", type=float, default=15.0, help="length of each other run, in seconds (15)")
    parser.add_argument(
        "--overload",
        type=float,
        default=600.0,
        help="length of the run with a camera that is too fast, in seconds (600)",
    )
    add_model(parser)


def run(options: argparse.Namespace) -> int:
    """Run the parts, print the table, write the JSON; 0 if every part ran, whatever it measured."""
    from vit_perception.bench import sections
    from vit_perception.bench.report import heading, output_table, table
    from vit_perception.hub.obtain import obtain_model
    from vit_perception.hub.report import to_stderr

    bench = sections.Bench(
        obtain_model(options.model, to_stderr).resolve(),
        seconds=options.seconds,
        brief=options.brief,
        overload=options.overload,
        data=options.data,
        engine=options.engine,
        device=options.device,
        precision=options.precision,
        asked=options.tasks,
        prompts=options.prompts or (),
    )
    found: dict[str, Any] = {}
    failures: dict[str, str] = {}
    for name in options.only or PARTS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            found[name] = getattr(sections, name)(bench)
        except (RuntimeError, OSError, ValueError, KeyError, ImportError) as error:
            failures[name] = str(error)
            print(f"{name} failed: {error}", file=sys.stderr, flush=True)
        if options.output is not None:
            _write(options.output, _results(bench, found, failures))
    results = _results(bench, found, failures)
    parts = [heading(results), table(results)]
    if "output_cost" in found:
        parts.append(output_table(found["output_cost"]))
    print(json.dumps(results, indent=2) if options.json else "\n\n".join(parts))
    return 1 if failures else 0


def _results(bench: Bench, found: dict[str, Any], failures: dict[str, str]) -> dict[str, Any]:
    from vit_perception.bench import machine
    from vit_perception.bench.report import summary

    failed = {"failed": failures} if failures else {}
    return {"machine": machine.describe(), "model": bench.card.name, **summary(found), **failed}


def _write(path: Path, results: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n")
