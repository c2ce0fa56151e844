"""`vit-perception data`: look for faults in a dataset, write one in our format, pack it into a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm import tqdm

    from vit_perception.data.formats.base import PictureDataset
    from vit_perception.data.label_space import LabelSpace

HELP = "check a dataset of any format, convert it into ours, or pack it into one file"

_SAMPLES = 16
_SIDE = 640


def add_arguments(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(required=True, metavar="check | convert | pack")
    check = below.add_parser("check", help="count what is in a dataset, and list every fault")
    check.add_argument(
        "folder", type=Path, help="a dataset: ours or a pack of it, COCO, YOLO, Pascal VOC, masks, a rosbag2"
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
    pack = below.add_parser("pack", help="write datasets into one zip of our format, to carry elsewhere")
    pack.add_argument("datasets", nargs="+", type=Path, metavar="DATASET", help="of any format")
    pack.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="zip to write; with --slices, FILE-1 to K"
    )
    pack.add_argument(
        "--megabytes", type=float, required=True, metavar="N", help="most of 1,000,000 bytes that it may have"
    )
    pack.add_argument(
        "--side", type=int, default=_SIDE, metavar="PIXELS", help=f"most of a picture's long side ({_SIDE})"
    )
    pack.add_argument(
        "--slices", type=int, default=1, metavar="K", help="write K files, each of other pictures (1)"
    )
    pack.add_argument(
        "--labels",
        type=Path,
        metavar="YAML",
        help="label space of the result (the labels of a dataset alone)",
    )
    pack.set_defaults(action=_pack)


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
    from vit_perception.data.label_space import read_label_space
    from vit_perception.data.open import open_dataset

    dataset = open_dataset(options.folder)
    space = None if options.labels is None else read_label_space(options.labels)
    if space is not None:
        _print_dropped([dataset], space, options.labels)
    with _bar(len(dataset)) as bar:
        convert(dataset, options.output, space, bar.update)
    print(f"{len(dataset)} pictures in {options.output}")
    return 0


def _pack(options: argparse.Namespace) -> int:
    """Write the file, or one for each slice."""
    import tempfile
    from contextlib import closing

    from vit_perception.data.label_space import read_label_space
    from vit_perception.data.open import open_dataset
    from vit_perception.data.packs.staging import Staged
    from vit_perception.data.packs.write import MEGABYTE, write_packs

    for name in ("megabytes", "side", "slices"):
        if getattr(options, name) <= 0:
            raise ValueError(f"--{name} is {getattr(options, name):g}: give a number above 0")
    if options.output.suffix.lower() != ".zip":
        raise ValueError(f"{options.output} is no name for a zip: give one that ends in .zip")
    datasets = [open_dataset(path) for path in options.datasets]
    if options.labels is None and any(one.space != datasets[0].space for one in datasets):
        raise ValueError("the datasets have different labels: give one label space for all with --labels")
    space = datasets[0].space if options.labels is None else read_label_space(options.labels)
    _print_dropped(datasets, space, options.labels)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    count = sum(map(len, datasets))
    with tempfile.TemporaryDirectory(prefix=".pack-", dir=options.output.parent) as folder:
        with _bar(count) as bar:
            staged = Staged(datasets, space, options.side, Path(folder), bar.update)
        with closing(staged), _bar(count) as bar:
            packs = write_packs(staged, options.output, options.megabytes, options.slices, bar.update)
    for pack in packs:
        print(
            f"{len(pack.names)} pictures in {pack.file}: {pack.size / MEGABYTE:.1f} megabytes, "
            f"JPEG quality {pack.quality}"
        )
    if left := count - sum(len(pack.names) for pack in packs):
        print(
            f"{left} of {count} pictures are left out, evenly from all parts and classes: give more "
            "--megabytes or --slices, or a smaller --side",
            file=sys.stderr,
        )
    return 0


def _print_dropped(datasets: Sequence[PictureDataset], space: LabelSpace, path: Path) -> None:
    """Say which labels of the datasets the space does not have."""
    from vit_perception.data.joined import JoinedDataset

    dropped = dict.fromkeys(name for names in JoinedDataset(datasets, space).dropped for name in names)
    if dropped:
        print(f"not in {path}, and so ignored: {', '.join(dropped)}", file=sys.stderr)


def _bar(total: int) -> tqdm:
    from tqdm import tqdm

    return tqdm(total=total, unit=" pictures", dynamic_ncols=True, disable=None)
