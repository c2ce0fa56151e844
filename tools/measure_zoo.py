#!/usr/bin/env python3
"""Writes the table of docs/zoo.md: public checkpoints, and the latency of their architectures on this CPU.

Weights do not change speed, so models of the checkpoints' configurations (tools/zoo.yaml) with random weights
are measured. Each is saved as its publisher saves it, adopted and run like any other model, in a process of
its own. The figures are kept in a JSON file, so that an interrupted run continues where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from random_models import publish

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- measured: tools/measure_zoo.py -->", "<!-- end -->"
FRAME = (480, 640)
THREADS = 2
_TITLES = (
    "parameter",
    "task",
    "parameters, 10⁶",
    "input",
    "licence",
    "whole call, ms",
    "engine, ms",
    "runs in",
)
_LIBRARIES = ("torch", "transformers", "timm", "openvino", "onnxruntime")


def measure(entry: Mapping[str, Any], most: int, seconds: float) -> dict[str, Any]:
    """Figures of one checkpoint.

    Args:
        entry: Of tools/zoo.yaml.
        most: Frames to run at most.
        seconds: When to stop before that, though not before the third frame.

    Returns:
        Number of parameters, size of the input, engine, and medians of each stage in milliseconds.
    """
    import torch

    from vit_perception.hub.build import build_public
    from vit_perception.hub.names import parse_name
    from vit_perception.hub.obtain import obtain_model
    from vit_perception.runtime.predictor import Predictor
    from vit_perception.runtime.preprocess import preprocess

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    # Patches of colour give masks as coherent as a scene does; noise would show all classes at once.
    patches = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    frame = cv2.resize(patches, FRAME[::-1], interpolation=cv2.INTER_CUBIC)
    reports: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"VIT_PERCEPTION_MODELS": f"{folder}/models", "VIT_PERCEPTION_CACHE": f"{folder}/cache"}
        public = parse_name(entry["name"])
        # The task of some models is read from the name of their folder.
        published = Path(folder) / (public.folder if public else entry["name"])
        published.mkdir()
        parameters = publish(entry, published)
        model, tasks = obtain_model(published, reports.append), (entry["task"],)
        predictor = Predictor(model, device="cpu", tasks=tasks, build_public=build_public)
        predictor.warm_up(*FRAME)
        rounds: list[Mapping[str, float]] = []
        end = time.perf_counter() + seconds
        while len(rounds) < 3 or (len(rounds) < most and time.perf_counter() < end):
            start = time.perf_counter()
            stages = predictor(frame).stage_ms
            rounds.append({**stages, "whole": (time.perf_counter() - start) * 1e3})
        card, engine = predictor.card, predictor.engine
        return {
            "tasks": list(card.tasks),
            "parameters": parameters,
            "input": list(preprocess(frame, card, "bgr", 1.0)[0].shape[1:3]),
            "engine": engine.name,
            "precision": engine.precision,
            "batched": card.batched,
            "rounds": len(rounds),
            "ms": {stage: statistics.median(each[stage] for each in rounds) for stage in rounds[0]},
            "reports": reports,
        }


def measure_apart(entry: Mapping[str, Any], most: int, seconds: float) -> dict[str, Any]:
    """`measure` in a process of its own, whose end frees the memory; `{"error": reason}` if it fails."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(measure, entry, most, seconds).result()
        except BrokenProcessPool:
            return {"error": "its process was killed, usually for lack of memory"}
        except Exception as error:  # a table that lacks one row is better than none
            return {"error": (str(error).splitlines() or [type(error).__name__])[0]}


def table(entries: Iterable[Mapping[str, Any]], measured: Mapping[str, Any]) -> Iterable[str]:
    """The lines of the table, in the order of the entries."""
    yield f"| {' | '.join(_TITLES)} |"
    yield "|---" * len(_TITLES) + "|"
    for entry in entries:
        task = entry["task"] + (", prompts" if entry.get("prompts") else "")
        licence = entry["licence"] + (f": **{entry['note']}**" if "note" in entry else "")
        row = measured.get(entry["name"])
        if row is None or "error" in row:
            yield f"| `model: {entry['name']}` | {task} | – | – | {licence} | – | – | not measured |"
            continue
        height, width = row["input"]
        cells = [
            f"`model: {entry['name']}`",
            task,
            f"{row['parameters'] / 1e6:.1f}",
            f"{height}×{width}",
            licence,
            f"{row['ms']['whole']:.0f}",
            f"{row['ms']['inference']:.0f}",
            f"{row['engine']} {row['precision']}",
        ]
        yield f"| {' | '.join(cells)} |"


def circumstances(most: int, seconds: float) -> str:
    """The machine, the libraries and the number of rounds behind the table, as one line."""
    from vit_perception.bench.machine import describe

    machine = describe()
    libraries = ", ".join(f"{name} {version(name).split('+')[0]}" for name in _LIBRARIES)
    return (
        f"{machine['processor']}, {machine['cores']} cores, with {', '.join(machine['instructions'])}; "
        f"{libraries}; medians of at most {most} rounds in about {seconds:.0f} s for each model."
    )


def write_between(page: Path, lines: Iterable[str]) -> None:
    """Replace the lines between the two marks in a page.

    Raises:
        ValueError: The page lacks a mark.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} lacks {BEGIN if not begin else END}: put it where the table belongs")
    page.write_text("\n".join([before + begin, *lines, end + after]), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="parts of names; by default all that are not measured yet")
    parser.add_argument("--rounds", type=int, default=30, help="frames for each model, at most")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each model, at most")
    parser.add_argument(
        "--kept", type=Path, default=ROOT / "out" / "zoo.json", help="where the figures are kept"
    )
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "zoo.md")
    arguments = parser.parse_args()
    entries = yaml.safe_load((ROOT / "tools" / "zoo.yaml").read_text(encoding="utf-8"))
    measured = json.loads(arguments.kept.read_text()) if arguments.kept.exists() else {}
    arguments.kept.parent.mkdir(parents=True, exist_ok=True)
    for entry in entries:
        name = entry["name"]
        wanted = any(part in name for part in arguments.names)
        if wanted if arguments.names else "ms" not in measured.get(name, {}):
            measured[name] = measure_apart(entry, arguments.rounds, arguments.seconds)
            arguments.kept.write_text(json.dumps(measured, indent=1))
            print(name, measured[name], flush=True)
    lines = ["", *table(entries, measured), "", circumstances(arguments.rounds, arguments.seconds), ""]
    write_between(arguments.page, lines)


if __name__ == "__main__":
    main()
