"""Datasets → packs under a limit of megabytes."""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from vit_perception.data.coco_export import write_coco
from vit_perception.data.formats.suite import IMAGES
from vit_perception.data.manifest import write_manifest
from vit_perception.data.navigation_file import write_navigation
from vit_perception.data.packs.plan import QUALITIES, deal
from vit_perception.data.packs.staging import Staged
from vit_perception.data.splits import write_splits
from vit_perception.runtime.whole_file import whole_file

MEGABYTE = 1_000_000
_STORED = (".jpg", ".npz")
# Of a file that was deflated, less than this share of its size must remain.
_PAYS = 0.95


@dataclass(frozen=True)
class Pack:
    """A file that was written.

    Attributes:
        file: the zip.
        names: of its pictures, sorted.
        quality: of its JPEGs; pictures that were smaller as they are were copied.
        size: in bytes.
    """

    file: Path
    names: tuple[str, ...]
    quality: int
    size: int


class _TooLarge(Exception):
    """By how many bytes a pack is over its limit."""

    def __init__(self, excess: int) -> None:
        super().__init__(excess)
        self.excess = excess


def pack_files(output: Path, slices: int) -> list[Path]:
    """`a.zip`, or `a-1.zip`, `a-2.zip`, … for several slices."""
    if slices == 1:
        return [output]
    return [output.with_name(f"{output.stem}-{number}{output.suffix}") for number in range(1, slices + 1)]


def write_packs(
    staged: Staged, output: Path, megabytes: float, slices: int, done: Callable[[int], object]
) -> list[Pack]:
    """Write the pictures of a staged dataset into one pack or several, each under the limit.

    Args:
        staged: the dataset.
        output: the file; of several slices, the file names get numbers.
        megabytes: largest size of each file, in 1,000,000 bytes.
        slices: how many files; no picture is in two.
        done: called with 1 after each picture.

    Raises:
        ValueError: no picture fits, or there are more slices than pictures.
        OSError: nothing can be written.
    """
    if slices > len(staged.names):
        raise ValueError(f"{len(staged.names)} pictures are too few for {slices} slices: ask for fewer")
    return [
        _write_pack(staged, file, numbers, int(megabytes * MEGABYTE), done)
        for file, numbers in zip(
            pack_files(output, slices), deal(staged.groups, staged.names, slices), strict=True
        )
    ]


def _write_pack(
    staged: Staged, file: Path, numbers: np.ndarray, limit: int, done: Callable[[int], object]
) -> Pack:
    """What COCO files take is an estimate: if it was too low, the pictures get less."""
    budget = limit - staged.shared
    while True:
        place, count = staged.costs.choose(numbers, budget)
        if not count:
            raise ValueError(
                f"{limit / MEGABYTE:g} megabytes are too few for a picture with its labels: give more"
            )
        kept = sorted(numbers[:count].tolist(), key=lambda number: staged.names[number])
        try:
            with whole_file(file) as opened:
                _write_zip(staged, opened, kept, QUALITIES[place], limit, done)
                if (size := opened.tell()) > limit:
                    raise _TooLarge(size - limit)
        except _TooLarge as error:
            budget -= error.excess
            continue
        return Pack(file, tuple(staged.names[number] for number in kept), QUALITIES[place], size)


def _write_zip(
    staged: Staged,
    file: IO[bytes],
    kept: Sequence[int],
    quality: int,
    limit: int,
    done: Callable[[int], object],
) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in _whole_files(staged, kept):
            _add(archive, name, content)
        for number in kept:
            name = staged.names[number]
            _add(archive, f"{IMAGES}/{name}.jpg", staged.jpeg(number, quality))
            for path, source in staged.files(name).items():
                _add(archive, path, source.read_bytes())
            if file.tell() > limit:
                break  # the caller sees it
            done(1)


def _whole_files(staged: Staged, kept: Sequence[int]) -> Iterator[tuple[str, bytes]]:
    """What is not of one picture."""
    names = {staged.names[number] for number in kept}

    def records() -> Iterator[dict[str, Any]]:
        return (record for record in staged.records() if record["name"] in names)

    parts: dict[str, list[str]] = {}
    for number in kept:
        if part := staged.groups[number][0]:
            parts.setdefault(part, []).append(staged.names[number])
    with tempfile.TemporaryDirectory(dir=staged.folder) as temporary:
        folder = Path(temporary)
        write_manifest(folder, staged.manifest)
        write_splits(folder, dict(sorted(parts.items())))
        write_navigation(folder, records())
        write_coco(folder, staged.manifest, records)
        for path in sorted(folder.iterdir()):
            yield path.name, path.read_bytes()
    for name, source in staged.carried.shared.items():
        yield name, source.read_bytes()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # Without the time, the same pictures give the same file.
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o644 << 16
    pays = not name.endswith(_STORED) and len(zlib.compress(content)) < _PAYS * len(content)
    archive.writestr(entry, content, zipfile.ZIP_DEFLATED if pays else zipfile.ZIP_STORED)
