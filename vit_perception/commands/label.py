"""`vit-perception label`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vit_perception.data.label_space import DEFAULT_SPACE

HELP = "label pictures, a video, a bag or a dataset, by other models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", type=Path, help="a picture, a folder of them, a video, a rosbag2, or a dataset"
    )
    parser.add_argument(
        "--teachers",
        nargs="+",
        required=True,
        metavar="TEACHER",
        help="models: as --model of other commands, hf:…, or an ONNX or TFLite file with a contract",
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="dataset to write, or to finish"
    )
    parser.add_argument(
        "--labels",
        type=Path,
        default=DEFAULT_SPACE,
        metavar="YAML",
        help="labels of the dataset (COCO's 80 things and what masks have beside them)",
    )
    parser.add_argument(
        "--config", type=Path, metavar="YAML", help="thresholds, weights and more, see docs/labelling.md"
    )
    parser.add_argument(
        "--mirror", action="store_true", help="let detectors see each picture mirrored, too: slower, better"
    )
    parser.add_argument(
        "--tiles",
        nargs="+",
        default=[],
        metavar="NAME",
        help="detectors that see parts of each picture, too, by the name of the file without its ending: ten "
        "times slower, and they find smaller things",
    )
    parser.add_argument(
        "--dense",
        action="store_true",
        help="keep what a detector sees in every cell, to train better students",
    )
    parser.add_argument("--topic", help="images of a bag (its only image topic)")
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="of a video or bag, label each N-th frame (1)"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="processes (one for each core)")
    parser.add_argument(
        "--ray", metavar="ADDRESS", help="of a Ray cluster that shares the work; local starts one here"
    )


def run(options: argparse.Namespace) -> int:
    """Label, and print what was done."""
    from dataclasses import replace

    from vit_perception.data.label_space import read_label_space
    from vit_perception.data.labelling.config import LabellingConfig, read_config
    from vit_perception.data.labelling.labeller import Labeller, LabellerSource
    from vit_perception.data.labelling.open_source import open_source
    from vit_perception.data.labelling.run import SKIPPED_FILE, label
    from vit_perception.data.teachers.find import find_teacher
    from vit_perception.replay.progress import progress_bar

    if options.workers is not None and options.workers < 1:
        raise ValueError(f"--workers is {options.workers}: give 1 or more")
    config = read_config(options.config) if options.config else LabellingConfig()
    config = replace(
        config,
        mirror=config.mirror or options.mirror,
        tiles=tuple(options.tiles) or config.tiles,
        dense=config.dense or options.dense,
    )
    teachers = tuple(find_teacher(name) for name in options.teachers)
    pictures, space = open_source(
        options.source, read_label_space(options.labels), options.topic, options.every
    )
    source = LabellerSource(teachers, space, config, pictures.real)
    with progress_bar(len(pictures), "labelling") as bar:

        def start(labeller: Labeller, before: int) -> None:
            for name, labels in labeller.unused.items():
                bar.write(f"{name}: not in the label space: {', '.join(labels)}", file=sys.stderr)
            if before:
                bar.write(f"Labelled already: {before}", file=sys.stderr)
                bar.total = max(0, len(pictures) - before)

        outcome = label(pictures, source, options.output, options.workers, options.ray, bar.update, start)
    if outcome.skipped:
        name, reason = next(iter(outcome.skipped.items()))
        print(
            f"{len(outcome.skipped)} could not be labelled, such as {name}: {reason}. All of them are in "
            f"{options.output / SKIPPED_FILE}.",
            file=sys.stderr,
        )
    if not outcome.labelled + outcome.before:
        raise ValueError(f"no picture of {options.source} could be labelled")
    print(f"Pictures labelled in {options.output}: {outcome.labelled + outcome.before}")
    return 0
