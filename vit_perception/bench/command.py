"""`vit-perception bench`: run the parts, print the table, write the JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from vit_perception.bench import PARTS, machine, sections
from vit_perception.bench.report import heading, summary, table
from vit_perception.runtime.adopt import obtain_model, to_stderr


def run_bench(options: argparse.Namespace) -> int:
    """Gives 0 if every part that was asked for ran, whatever it measured."""
    names = options.only or PARTS
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
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            found[name] = getattr(sections, name)(bench)
        except (RuntimeError, OSError, ValueError, KeyError, ImportError) as error:
            failures[name] = str(error)
            print(f"{name} failed: {error}", file=sys.stderr, flush=True)
        if options.output is not None:
            _write(options.output, _results(bench, found, failures))
    results = _results(bench, found, failures)
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        print(f"{heading(results)}\n\n{table(results)}")
    return 1 if failures else 0


def _results(bench: sections.Bench, found: dict[str, Any], failures: dict[str, str]) -> dict[str, Any]:
    failed = {"failed": failures} if failures else {}
    return {"machine": machine.describe(), "model": bench.card.name, **summary(found), **failed}


def _write(path: Path, results: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n")
