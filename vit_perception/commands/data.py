"""`vit-perception data`: look for faults in a dataset, and write one in our format."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm import tqdm

HELP = "check a dataset of any format, or convert it into ours"

_SAMPLES = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(required=True, metavar="check | convert")
    check = below.add_parser("check", help="count what is in a dataset, and list every fault")
    check.add_argument(
        "folder", type=Path, help="a dataset: ours, COCO, YOLO, Pascal VOC, masks or a rosbag2"
    )
    check.add_argument(
        "--sheet", type=Path, metavar="PNG", help=f"draw up to {_SAMPLES} pictures with their labels here"
    )
    check.set_defaults(action=_check)
    convert = below.add_parser("convert", help="write a dataset of any format in ours, which is plain COCO")
    convert.add_argument("folder", type=Path, help="a dataset of any format")
    convert.add_argument("--output", type=Path, required=True, metavar="DATASET", help="folder to write")
    convert.add_argument(
        "--labels", type=Path, metavar="YAML", help="label space of the result (the labels of the dataset)"
    )
    convert.set_defaults(action=_convert)


def run(options: argparse.Namespace) -> int:
    """Do what the word after `data` says."""
    code: int = options.action(options)
    return code


def _check(options: argparse.Namespace) -> int:
    """Print figures and faults; the exit code is 1 if there are faults."""
    from vit_perception.data.counts import Counts
    from vit_perception.data.open import open_dataset
    from vit_perception.data.sheet import draw_sample, draw_sheet, sample_numbers
    from vit_perception.viz.pictures import write_picture

    dataset = open_dataset(options.folder)
    counts = Counts(dataset)
    faults = list(map(str, dataset.file_faults()))
    drawn, samples = sample_numbers(len(dataset), _SAMPLES), []
    with _bar(len(dataset)) as bar:
        for index in range(len(dataset)):
            found = dataset.inspect(index)
            faults.extend(map(str, found.faults))
            if found.annotation is not None:
                counts.add(found.annotation)
                if options.sheet is not None and index in drawn and found.picture is not None:
                    samples.append(draw_sample(found.picture, found.annotation, dataset.space))
            bar.update()
    print(counts)
    if samples:
        write_picture(options.sheet, draw_sheet(samples))
        print(f"\nDrawn in {options.sheet}")
    print(
        "\n".join(["", *faults, f"{len(faults)} fault{'s' * (len(faults) > 1)}" if faults else "No faults"])
    )
    return int(bool(faults))


def _convert(options: argparse.Namespace) -> int:
    """Write `options.output`."""
    from vit_perception.data.convert import convert
    from vit_perception.data.joined import JoinedDataset
    from vit_perception.data.label_space import read_label_space
    from vit_perception.data.open import open_dataset

    dataset = open_dataset(options.folder)
    space = None if options.labels is None else read_label_space(options.labels)
    if space is not None and (dropped := JoinedDataset([dataset], space).dropped[0]):
        print(f"not in {options.labels}, and so ignored: {', '.join(dropped)}", file=sys.stderr)
    with _bar(len(dataset)) as bar:
        convert(dataset, options.output, space, bar.update)
    print(f"{len(dataset)} pictures in {options.output}")
    return 0


def _bar(total: int) -> tqdm:
    from tqdm import tqdm

    return tqdm(total=total, unit=" pictures", dynamic_ncols=True, disable=None)
