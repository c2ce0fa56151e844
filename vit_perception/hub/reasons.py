"""Other people's errors in one line. Knows no torch."""

from __future__ import annotations


def reason_of(error: BaseException) -> str:
    """The first line of what an error says, or its kind where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]
