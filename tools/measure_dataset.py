"""How much memory a large COCO dataset takes: `python tools/measure_dataset.py`.

Writes a JSON file of 100,000 pictures with 700,000 objects, each with a polygon of 25 points, into a
temporary folder, opens it in a new process, and prints the peak of that process's memory (resident set).
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_SIZE = 640, 480
_CATEGORIES = 80
_POINTS = 25
_READ = 300


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--boxes", type=int, default=700_000)
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    return parser


def write_coco(folder: Path, pictures: int, boxes: int) -> Path:
    """Write `instances.json` and an empty `images/`.

    Args:
        folder: of the dataset.
        pictures: how many.
        boxes: how many, dealt to the pictures at random.
    """
    (folder / "images").mkdir(parents=True)
    path = folder / "instances.json"
    chance = random.Random(0)
    width, height = _SIZE
    with path.open("w") as file:
        file.write('{"categories": [')
        _write(file, ({"id": one, "name": f"class {one}"} for one in range(1, _CATEGORIES + 1)))
        file.write('], "images": [')
        _write(
            file,
            (
                {"id": one, "file_name": f"{one:012}.jpg", "width": width, "height": height}
                for one in range(pictures)
            ),
        )
        file.write('], "annotations": [')
        _write(file, (_annotation(one, chance, pictures) for one in range(boxes)))
        file.write("]}")
    return path


def _write(file: IO[str], entries: Iterator[dict[str, object]]) -> None:
    for place, entry in enumerate(entries):
        file.write((",\n" if place else "\n") + json.dumps(entry))


def _annotation(identity: int, chance: random.Random, pictures: int) -> dict[str, object]:
    x, y, width, height = (round(chance.uniform(10, 200), 2) for _ in range(4))
    polygon = [
        round(chance.uniform(*edges), 2)
        for _ in range(_POINTS)
        for edges in ((x, x + width), (y, y + height))
    ]
    return {
        "id": identity,
        "image_id": chance.randrange(pictures),
        "category_id": chance.randint(1, _CATEGORIES),
        "bbox": [x, y, width, height],
        "segmentation": [polygon],
        "area": width * height,
        "iscrowd": 0,
    }


def open_and_read(folder: Path) -> None:
    """Print the peak of memory after the imports, after opening, and after reading some annotations."""
    from vit_perception.data.open import open_dataset

    print(f"{'imports':<34}{_peak_mb():6.0f} MB")
    start = time.perf_counter()
    dataset = open_dataset(folder)
    print(f"{'opened':<34}{_peak_mb():6.0f} MB   {time.perf_counter() - start:.1f} s")
    start = time.perf_counter()
    boxes = 0
    for index in range(0, len(dataset), max(1, len(dataset) // _READ)):
        boxes += len(dataset.annotation(index).boxes)
    milliseconds = 1000 * (time.perf_counter() - start) / _READ
    print(
        f"{f'{_READ} annotations read ({boxes} boxes)':<34}{_peak_mb():6.0f} MB   {milliseconds:.1f} ms each"
    )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Measure, in a process of its own."""
    options = make_parser().parse_args()
    if options.open is not None:
        open_and_read(options.open)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "large"
        path = write_coco(folder, options.pictures, options.boxes)
        print(
            f"{options.pictures} pictures, {options.boxes} boxes, {path.stat().st_size / 1e6:.0f} MB of JSON"
        )
        sys.stdout.flush()
        return subprocess.run([sys.executable, __file__, "--open", str(folder)]).returncode


if __name__ == "__main__":
    sys.exit(main())
