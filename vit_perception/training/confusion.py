"""What a model takes for what: answers by true class, in a table that people can read."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vit_perception.data.label_space import LabelSpace

# The names of the row without a true class, and of the column without an answer.
FALSE, MISSED, OTHERS = "false", "missed", "others"


def count_pairs(truth: np.ndarray, answers: np.ndarray, count: int) -> np.ndarray:
    """How often each true class got each answer.

    Args:
        truth: (N,) class ids; what is not in 0..count - 1 is none.
        answers: (N,) class ids, likewise.
        count: number of classes, C.

    Returns:
        (C + 1, C + 1) int64; the last row is no true class, the last column no answer.
    """
    rows, columns = (
        np.where((ids >= 0) & (ids < count), ids, count).astype(np.int64) for ids in (truth, answers)
    )
    pairs = np.bincount(rows * (count + 1) + columns, minlength=(count + 1) ** 2)
    return np.asarray(pairs.reshape(count + 1, count + 1), np.int64)


def share_wrong(counts: np.ndarray) -> float | None:
    """Share off the diagonal, 0 to 1; None where there is nothing."""
    total = counts.sum()
    return 1 - float(np.trace(counts) / total) if total else None


@dataclass(frozen=True)
class Confusion:
    """A table of counts.

    Attributes:
        names: of C classes.
        counts: (C + 1, C + 1), see `count_pairs`.
    """

    names: tuple[str, ...]
    counts: np.ndarray

    def present(self) -> Confusion:
        """The table of those classes that are in the truth or in an answer."""
        there = np.flatnonzero((self.counts.sum(0) + self.counts.sum(1))[:-1])
        kept = [*there.tolist(), len(self.names)]
        return Confusion(tuple(self.names[place] for place in there), self.counts[np.ix_(kept, kept)])

    def merged(self, groups: Sequence[str]) -> Confusion:
        """The table of groups; `groups` names that of each class."""
        names = tuple(dict.fromkeys(groups))
        table = [*(names.index(group) for group in groups), len(names)]
        counts = np.zeros((len(names) + 1, len(names) + 1), np.int64)
        np.add.at(counts, np.ix_(table, table), self.counts)
        return Confusion(names, counts)

    def readable(self, space: LabelSpace, most: int) -> Confusion:
        """At most `most` rows of classes: coarse groups where there are more, and the rarest as `others`."""
        table = self.present()
        if len(table.names) > most:
            table = table.merged([space.labels[space.id_of(name)].coarse for name in table.names])
        if len(table.names) > most:
            common = np.argsort(-table.counts.sum(1)[:-1], kind="stable")[: most - 1]
            kept = {table.names[place] for place in common}
            table = table.merged([name if name in kept else OTHERS for name in table.names])
        return table

    def rows(self) -> tuple[str, ...]:
        """Names of the rows: the last one only where something was found that is not there."""
        return (*self.names, FALSE) if self.counts[-1].any() else self.names

    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return (*self.names, MISSED)

    def write(self, path: Path) -> None:
        """Write the counts as CSV, a row for each true class."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["truth", *self.columns()])
            writer.writerows(
                [name, *row.tolist()] for name, row in zip(self.rows(), self.counts, strict=False)
            )
