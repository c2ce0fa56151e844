"""Progress bars that also read well in a log file."""

from __future__ import annotations

import sys

from tqdm import tqdm

# Seconds between updates where each one is a new line.
_LOG_INTERVAL = 10.0


def progress_bar(total: int, what: str, unit: str = "frames") -> tqdm:
    """A bar on stderr for `total` units, a context manager; call its `update` after each."""
    interval = 0.1 if sys.stderr.isatty() else _LOG_INTERVAL
    return tqdm(total=total, desc=what, unit=f" {unit}", mininterval=interval, dynamic_ncols=True)
