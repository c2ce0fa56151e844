#!/usr/bin/env python3
"""The whole way of the default model: label, pack, train, int8, measure, card. `make default-model` runs it.

A step is skipped if its output is there, so an interrupted run goes on. Where the pack is there, no pictures
are needed: it and the teachers are what to carry to a machine with a GPU.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vit_perception.runtime.engines.select import PRECISIONS, count_cuda_devices

ROOT = Path(__file__).resolve().parents[1]
# On CPUs, and on a GPU.
CONFIGS = tuple(ROOT / "config" / "training" / f"default_model{part}.yaml" for part in ("", "_gpu"))
LABELS = ROOT / "vit_perception" / "data" / "labels" / "robot.yaml"
TEACHERS = (
    "deimv2_femto.onnx",
    "picodet_s_416.onnx",
    "yolox_nano.onnx",
    "mosaic_r4.tflite",
    "deeplabv3_voc.tflite",
)
# The one whose convolutions and boxes the student has, and how many blocks it has beside them.
BEGINNING, BLOCKS = "picodet_s_416.onnx", 4
NAME = "robot_vit_s14"
PACK = "pictures.zip"
BEFORE, AFTER = "bench_before.json", "bench.json"


@dataclass(frozen=True)
class Step:
    """One command of the way.

    Attributes:
        title: for people.
        output: a file that is there once the step is done.
        command: the words after `vit-perception`.
    """

    title: str
    output: Path
    command: tuple[str, ...]


def plan(options: argparse.Namespace) -> list[Step]:
    """The steps in their order.

    Raises:
        ValueError: a folder that is needed was not named or is not there.
    """
    output = options.output
    pack, run = output / PACK, output / NAME
    steps = [] if pack.is_file() else _prepare(options, pack)
    beginning = next(path for path in _teachers(options.teachers) if Path(path).name == BEGINNING)
    splits = ("--splits", str(options.splits)) if options.splits else ()
    minutes = ("--minutes", f"{options.minutes:g}") if options.minutes else ()
    given = ("--config", str(CONFIGS[bool(count_cuda_devices())]), "--labels", str(LABELS), *splits, *minutes)
    student = ("--student", f"hybrid:{beginning}", "--blocks", str(BLOCKS))
    words = ("train", str(pack), "--output", str(run), *given, *student)
    model, same = run / "model", ("--splits", str(run / "splits.yaml"))
    return [
        *steps,
        Step("train", model / "model.yaml", words),
        # Training adds it itself where NNCF is installed.
        Step("int8", model / "model_int8.xml", ("quantize", str(model), "--data", str(pack), *same)),
        _bench("today's engine time", NAME, output / BEFORE),
        _bench("the new engine time", str(model), output / AFTER),
    ]


def _prepare(options: argparse.Namespace, pack: Path) -> list[Step]:
    """Labels and the pack."""
    if not options.pictures and not options.labelled:
        raise ValueError(
            f"there is no {pack} yet, and nothing to make it from: give PICTURES=FOLDER, or LABELLED=FOLDER"
        )
    for folder in (*options.pictures, *options.labelled):
        if not folder.is_dir():
            raise ValueError(f"there is no folder {folder}")
    names = [folder.resolve().name for folder in options.pictures]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"PICTURES has two folders {twice[0]}: rename one, its labels are kept by that name")
    steps, datasets = [], []
    for folder, name in zip(options.pictures, names, strict=True):
        labelled = options.output / name
        words = ("label", str(folder), "--teachers", *_teachers(options.teachers), "--output", str(labelled))
        steps.append(Step(f"label {name}", labelled / "instances.json", words))
        datasets.append(str(labelled))
    datasets += map(str, options.labelled)
    limits = ("--megabytes", f"{options.megabytes:g}", "--labels", str(LABELS))
    return [*steps, Step("pack", pack, ("data", "pack", *datasets, "--output", str(pack), *limits))]


def _teachers(folder: Path | None) -> list[str]:
    """Paths of the teachers' files."""
    if folder is None:
        raise ValueError(f"give TEACHERS=FOLDER, the folder with {', '.join(TEACHERS)}")
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    teachers = [folder / name for name in TEACHERS]
    if missing := [path.name for path in teachers if not path.is_file()]:
        raise ValueError(f"{folder} lacks {', '.join(missing)}: docs/labelling.md says where they come from")
    return [str(path) for path in teachers]


def _bench(title: str, model: str, output: Path) -> Step:
    return Step(title, output, ("bench", "--only", "engine", "--model", model, "--output", str(output)))


def carry_out(steps: Sequence[Step]) -> None:
    """Do the steps whose output is not there, and print how long each took.

    Raises:
        ValueError: a step failed; it has printed why.
    """
    begin = time.monotonic()
    for number, step in enumerate(steps, start=1):
        head = f"[{number}/{len(steps)}] {step.title}"
        if step.output.exists():
            print(f"{head}: {step.output} is there", flush=True)
            continue
        print(f"{head} …", flush=True)
        start = time.monotonic()
        code = subprocess.run([sys.executable, "-m", "vit_perception.cli", *step.command]).returncode
        if code:
            raise ValueError(f"{step.title} failed; the same command goes on from here")
        print(f"{head}: {minutes(time.monotonic() - start)}", flush=True)
    print(f"all steps: {minutes(time.monotonic() - begin)}", flush=True)


def minutes(seconds: float) -> str:
    """`1:02:05`, hours, minutes and seconds."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def show_card(folder: Path) -> None:
    """Print what the card of the model says."""
    from vit_perception.cards.card import load_card
    from vit_perception.viz.describe import describe_card

    print(f"\n{describe_card(load_card(folder))}\n\nThe model is {folder}.")


def engine_times(output: Path) -> list[str]:
    """A line for each precision: the new model's time for a frame, and how many times today's that is."""
    before, after = (json.loads((output / name).read_text())["engine"] for name in (BEFORE, AFTER))
    lines = []
    for precision in PRECISIONS:
        if precision in before and precision in after:
            old, new = before[precision]["batch_1"], after[precision]["batch_1"]
            lines.append(f"{precision}: {new} ms, {new / old:.2f} times the {old} ms of today's {NAME}")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--pictures",
        type=Path,
        nargs="+",
        default=[],
        help="folders of photographs, or datasets, which teachers label; labels that are there are kept",
    )
    parser.add_argument(
        "--labelled", type=Path, nargs="+", default=[], help="datasets of any format that are labelled"
    )
    parser.add_argument("--splits", type=Path, help="names of the pictures that train holds out")
    parser.add_argument("--teachers", type=Path, help=f"folder with {', '.join(TEACHERS)}")
    parser.add_argument("--output", type=Path, required=True, help="folder for everything")
    parser.add_argument("--minutes", type=float, help="of training (as many as the config's steps take)")
    parser.add_argument("--megabytes", type=float, default=200, help="largest size of the pack (200)")
    options = parser.parse_args(arguments)
    try:
        carry_out(plan(options))
    except ValueError as error:
        print(f"default model: {error}", file=sys.stderr)
        return 1
    print("\n".join(engine_times(options.output)))
    show_card(options.output / NAME / "model")
    return 0


if __name__ == "__main__":
    sys.exit(main())
