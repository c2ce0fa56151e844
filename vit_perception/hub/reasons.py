"""Other people's errors in one line. Imports no torch."""

from __future__ import annotations


def reason_of(error: BaseException) -> str:
    """The first line of an error's message, or its class where that is empty."""
    return (str(error).splitlines() or [type(error).__name__])[0]
