"""Work of seconds that is done beside the frames, on threads which nothing can interrupt."""

from __future__ import annotations

import threading
from collections.abc import Callable

_PREFIX = "beside the frames: "


def run_beside(what: str, work: Callable[[], None]) -> None:
    """Do `work`, which never raises, on a thread of its own.

    Args:
        what: it does, for the thread's name.
    """
    threading.Thread(target=work, name=f"{_PREFIX}{what}", daemon=True).start()


def works_beside() -> bool:
    """Whether such work is under way. A process that ends as usual would end under its feet, and crash."""
    return any(thread.name.startswith(_PREFIX) for thread in threading.enumerate())
