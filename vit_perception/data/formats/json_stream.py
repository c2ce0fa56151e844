"""A large JSON file read piece by piece: the entries of its lists one at a time, with their places.

`json.load` of 380 MB takes 2.3 GB of memory. Here, only one entry and a window of the file are held.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

_CHUNK = 1 << 20
_SPACE = re.compile(r"[ \t\n\r]*")
# Longer than any word of JSON outside texts, and than any escape inside.
_LONGEST_WORD = 16
_DECODER = json.JSONDecoder()


class Entry(NamedTuple):
    """A piece of the object that a file holds.

    Attributes:
        key: under which it is.
        value: an element, if a list is under the key; else the whole value.
        start: where it begins in the file, in bytes.
        end: where it ends.
    """

    key: str
    value: Any
    start: int
    end: int


def stream_json(path: Path) -> Iterator[Entry]:
    """The entries of a file that holds one JSON object, in their order.

    Raises:
        ValueError: it is not JSON, or not an object; the message names file and line.
    """
    with path.open("rb") as file:
        window = _Window(path, file)
        window.take("{")
        while window.peek() != "}":
            key = window.value()[0]
            if not isinstance(key, str):
                window.fail("the name of an entry is not a text")
            window.take(":")
            if window.peek() == "[":
                window.take("[")
                while window.peek() != "]":
                    yield Entry(key, *window.value())
                    window.skip_comma("]")
                window.take("]")
            else:
                yield Entry(key, *window.value())
            window.skip_comma("}")


class _Window:
    """The part of a file around the reading position, as Latin-1: one letter for each byte, so that
    positions in the text are positions in the file. Beyond ASCII, entries are decoded again as UTF-8."""

    def __init__(self, path: Path, file: Any) -> None:
        self._path = path
        self._file = file
        self._text = ""
        self._at = 0
        self._before = 0
        self._more()
        if self._text.startswith("\xef\xbb\xbf"):
            self._at = 3

    def peek(self) -> str:
        """The next letter that is not space; empty at the end."""
        while True:
            match = _SPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def take(self, letter: str) -> None:
        if self.peek() != letter:
            self.fail(f"there should be a {letter}")
        self._at += 1

    def skip_comma(self, closing: str) -> None:
        """Pass the comma between two entries, which may be missing before the closing bracket only."""
        if self.peek() != closing:
            self.take(",")
            if self.peek() == closing:
                self.fail("there is a comma too many")

    def value(self) -> tuple[Any, int, int]:
        """The next value, and where it starts and ends in the file."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                beyond = error.pos - self._at
                # What the end of the window cuts off fails there, or at the beginning of a text.
                is_cut = len(self._text) - error.pos < _LONGEST_WORD or error.msg.startswith("Unterminated")
                if is_cut and self._more():
                    continue
                self._at += beyond
                self.fail("this is not JSON")
            except RecursionError:
                self.fail("this is nested too deeply")
            # A number at the end of the window may go on.
            if end < len(self._text) or not self._more():
                break
        piece = self._text[self._at : end]
        if not piece.isascii():
            try:
                value = json.loads(piece.encode("latin-1"))
            except UnicodeDecodeError:
                self.fail("this is not UTF-8")
        start = self._before + self._at
        self._at = end
        return value, start, start + len(piece)

    def fail(self, reason: str) -> NoReturn:
        line = LineNumbers(self._path).line_of(self._before + self._at)
        raise ValueError(f"{self._path}:{line}: {reason}: write the file again, or restore it")

    def _more(self) -> bool:
        # As much as there is already: an entry of any length is then decoded a few times only.
        data = self._file.read(max(_CHUNK, len(self._text)))
        self._text = self._text[self._at :] + data.decode("latin-1")
        self._before += self._at
        self._at = 0
        return bool(data)


class LineNumbers:
    """Line numbers of places in a file. Holds the number of lines in each megabyte, nothing else.

    Args:
        path: of the file, which is read when the first line is wanted.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before: np.ndarray | None = None

    def line_of(self, place: int) -> int:
        """The line, from 1, of a place in bytes."""
        if self._before is None:
            with self._path.open("rb") as file:
                counts = [chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK), b"")]
            self._before = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        block, rest = divmod(place, _CHUNK)
        with self._path.open("rb") as file:
            file.seek(block * _CHUNK)
            return int(self._before[block]) + file.read(rest).count(b"\n") + 1
