"""A full disk as an error with a reason."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

# No space, a quota that is used up, the largest file that this process may write.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskFull(Exception):
    """There is no room for what is to be written.

    Attributes:
        exit_code: for a shell.
    """

    exit_code = 1


@contextlib.contextmanager
def names_a_full_disk(path: Path) -> Iterator[None]:
    """Raise DiskFull in place of the error of the operating system, if that is the cause."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFull(f"the disk is full: no room for {path} ({error.strerror})") from error
