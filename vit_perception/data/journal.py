"""The journal of a dataset that is being written: a line of JSON for each picture that is done."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from vit_perception.runtime.whole_file import whole_file

JOURNAL = "journal.jsonl"


class Journal:
    """Records by name, on disk. A line that a kill cut off is removed when the journal is opened again.

    Args:
        path: of the file, which is made if it is missing.

    Raises:
        ValueError: another process writes it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise ValueError(f"another process writes {path.parent}: wait for it, or stop it") from None
        # Where the line of each record begins.
        self._places: dict[str, int] = {}
        self._read()

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def append(self, record: dict[str, Any]) -> None:
        """Add a record, which has a `name`. It stays when the process is killed."""
        place = self._file.seek(0, os.SEEK_END)
        self._file.write(_line(record))
        self._file.flush()
        self._places[record["name"]] = place

    def records(self) -> Iterator[dict[str, Any]]:
        """All records, sorted by name, one in memory at a time."""
        for name in sorted(self._places):
            self._file.seek(self._places[name])
            yield json.loads(self._file.readline())

    def close(self) -> None:
        """Let other processes write."""
        self._file.close()

    def _read(self) -> None:
        self._file.seek(0)
        end = 0
        for line in self._file:
            try:
                name = json.loads(line)["name"] if line.endswith(b"\n") else None
            except ValueError:
                name = None
            if name is None:
                break
            self._places[name] = end
            end += len(line)
        self._file.truncate(end)


def write_journal(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Make a journal of records at once."""
    with whole_file(path) as file:
        file.writelines(map(_line, records))


def _line(record: dict[str, Any]) -> bytes:
    return (
        json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogateescape")
        + b"\n"
    )
