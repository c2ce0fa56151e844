"""Many texts in little memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np


class Names:
    """A list of texts that cannot be changed, held as one block of bytes: 100,000 of 20 letters take 3 MB.

    Args:
        texts: in the order of their numbers.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        block = bytearray()
        ends = [0]
        for text in texts:
            block += text.encode("utf-8", "surrogateescape")
            ends.append(len(block))
        self._block = bytes(block)
        self._ends = np.array(ends, np.int64)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self):
            raise IndexError(f"number {index} is not in 0 to {len(self) - 1}")
        start, end = self._ends[index : index + 2]
        return self._block[start:end].decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(len(self)))

    def repeated(self) -> Iterator[tuple[int, int]]:
        """(number, number of the first one) of each text that was there before."""
        first: dict[str, int] = {}
        for index, text in enumerate(self):
            if first.setdefault(text, index) != index:
                yield index, first[text]
