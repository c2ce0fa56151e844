#!/usr/bin/env python3
"""A ViT of ours against a CNN of torchvision on a robot's task. `make compare` runs it: docs/vit_and_cnn.md.

Renders the pictures, trains each network from scratch and pre-trained with three seeds, and measures
accuracy, latency and robustness. What is done is kept as a file, so an interrupted comparison goes on. To
measure the latency again, delete `latency.json`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from vit_and_cnn.latency import measure
from vit_and_cnn.plan import Plan
from vit_and_cnn.report import draw, tables
from vit_and_cnn.runs import carry_out, keep_plan, workers
from vit_and_cnn.sets import make_sets
from vit_perception.bench.machine import describe
from vit_perception.runtime.whole_file import write_whole


def compare(plan: Plan, folder: Path) -> list[str]:
    """Do all that is not done yet, and write `results.json`, `tables.md` and the charts.

    Args:
        plan: how large the experiment is.
        folder: for everything.

    Returns:
        The lines of the tables.

    Raises:
        ValueError: the folder holds an experiment of another plan.
    """
    keep_plan(plan, folder)
    with workers() as pool:
        make_sets(plan, folder / "sets", pool)
        runs = carry_out(plan, folder, pool)
    latency = folder / "latency.json"
    if not latency.exists():
        # On an idle machine: the workers are gone.
        write_whole(latency, json.dumps({"machine": describe(), "costs": measure()}, indent=1).encode())
    measured = json.loads(latency.read_text())
    results = {**measured, "plan": json.loads((folder / "plan.json").read_text()), "runs": runs}
    write_whole(folder / "results.json", json.dumps(results, indent=1).encode())
    lines = list(tables(runs, measured["costs"]))
    write_whole(folder / "tables.md", "\n".join([*lines, ""]).encode())
    draw(runs, measured["costs"], folder)
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for everything")
    options = parser.parse_args(arguments)
    begin = time.monotonic()
    try:
        lines = compare(Plan(), options.output)
    except ValueError as error:
        print(f"compare: {error}", file=sys.stderr)
        return 1
    print("\n".join(["", *lines, ""]))
    print(f"{options.output}/results.json and charts, {(time.monotonic() - begin) / 60:.1f} minutes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
