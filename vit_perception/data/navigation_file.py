"""Ways of the pictures of a dataset as a file: `navigation.jsonl`, a line for each picture that has one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.data.dataset import Fault
from vit_perception.data.navigation import NavigationTruth
from vit_perception.runtime.whole_file import whole_file

NAVIGATION = "navigation.jsonl"
_DIGITS = 4


def as_record(truth: NavigationTruth) -> dict[str, Any]:
    """What a line has beside the name of the picture."""
    record: dict[str, Any] = {
        "episode": truth.episode,
        "frame": truth.frame,
        "seconds": round(truth.seconds, _DIGITS),
        "velocity": _rounded(truth.velocity),
        "goal": _rounded(truth.goal),
        "goal_distance": round(truth.goal_distance, _DIGITS),
        "collision": truth.collision,
        "action": truth.action,
        "scan": _rounded(truth.scan),
        "path": [_rounded(point) for point in truth.path],
    }
    if truth.free_space is not None:
        # JSON has no number for what is none.
        record["free_space"] = [None if np.isnan(row) else row for row in _rounded(truth.free_space)]
    return record


def write_navigation(folder: Path, records: Iterable[dict[str, Any]]) -> None:
    """Write the ways of the pictures whose record has one; without any, there is no file."""
    path = folder / NAVIGATION
    with whole_file(path) as file:
        for record in records:
            # A journal of an older version has no such entry.
            if record.get("navigation") is not None:
                line = json.dumps({"name": record["name"], **record["navigation"]}, ensure_ascii=False)
                file.write(line.encode("utf-8", "surrogateescape") + b"\n")
        empty = not file.tell()
    if empty:
        path.unlink()


class NavigationFile:
    """The ways of a dataset's pictures, read one at a time. Where each begins is in memory.

    Args:
        folder: of the dataset.
        numbers: number of each picture, by name.

    Attributes:
        faults: lines that belong to no picture, or cannot be read.
    """

    def __init__(self, folder: Path, numbers: Mapping[str, int]) -> None:
        self._path = folder / NAVIGATION
        self._places = np.full(len(numbers), -1, np.int64)
        self.faults: list[Fault] = []
        if not self._path.is_file():
            return
        place = 0
        with self._path.open("rb") as file:
            for line_number, line in enumerate(file, start=1):
                try:
                    name = json.loads(line)["name"]
                except (ValueError, TypeError, KeyError):
                    self._report(line_number, "this is not a line of JSON with a name: delete it")
                else:
                    if name in numbers:
                        self._places[numbers[name]] = place
                    else:
                        self._report(line_number, f"no picture is named {name}: delete this line")
                place += len(line)

    def record(self, index: int) -> dict[str, Any] | None:
        """The line of a picture, without its name; None if it has none."""
        if self._places[index] < 0:
            return None
        # Opened each time: processes that share an open file would move each other's place in it.
        with self._path.open("rb") as file:
            file.seek(int(self._places[index]))
            record: dict[str, Any] = json.loads(file.readline())
        del record["name"]
        return record

    def truth(self, index: int) -> NavigationTruth | None:
        """The way of a picture; None if it has none.

        Raises:
            ValueError: the line is wrong; the message says how.
        """
        record = self.record(index)
        if record is None:
            return None
        try:
            speed, turn = record.pop("velocity")
            distance, bearing = record.pop("goal")
            if (rows := record.pop("free_space", None)) is not None:
                rows = np.array(rows, np.float32)
            return NavigationTruth(
                **record, free_space=rows, velocity=(speed, turn), goal=(distance, bearing)
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this way cannot be read ({error}): correct or delete the line") from None

    def fault(self, index: int, reason: str) -> Fault:
        """A fault in the line of a picture."""
        with self._path.open("rb") as file:
            before = file.read(int(self._places[index]))
        return Fault(self._path, before.count(b"\n") + 1, reason)

    def _report(self, line_number: int, reason: str) -> None:
        self.faults.append(Fault(self._path, line_number, reason))


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(float(value), _DIGITS) for value in values]
