"""How a step that takes time is announced while a model is downloaded and adopted."""

from __future__ import annotations

import sys
from collections.abc import Callable

Report = Callable[[str], None]


def to_stderr(step: str) -> None:
    """A `Report` for commands."""
    print(step, file=sys.stderr, flush=True)
