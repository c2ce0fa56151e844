"""What goes wrong between a server and a file here, and what is said of it: one sentence, with what to do."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Instead of a download.
LOCAL_COPY = "give the path of a local copy"
OFFLINE_VARIABLES = ("VIT_PERCEPTION_OFFLINE", "HF_HUB_OFFLINE")
_CHUNK = 1 << 20
# What is about this machine's disk; every other OSError of a download is about the way to the server.
_OF_THE_DISK = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EIO,
    errno.ENOTDIR,
)


def check_size(file: Path, size: int | None, what: str) -> None:
    """Raise ValueError if a file that came has not the size that it should."""
    found = file.stat().st_size
    if size is not None and found != size:
        raise ValueError(f"{what} was cut short, {found} bytes of {size} came: try again")


def check_hash(file: Path, algorithm: str, start: str, what: str, prefix: bytes = b"") -> None:
    """Raise ValueError if the hash of `prefix` and a file that came does not start with these digits."""
    found = hashlib.new(algorithm, prefix)
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            found.update(chunk)
    if not found.hexdigest().startswith(start):
        raise ValueError(
            f"{what} came with another content than was published ({algorithm} {found.hexdigest()[:12]}…, "
            f"not {start[:12]}…): try again"
        )


def check_online(name: str, otherwise: str = LOCAL_COPY) -> None:
    """Raise FileNotFoundError if the user wants nothing to be downloaded."""
    for variable in OFFLINE_VARIABLES:
        if os.environ.get(variable, "").upper() in ("1", "ON", "YES", "TRUE"):
            raise FileNotFoundError(
                f"{name} is not on this machine, and {variable} is set: unset it, or {otherwise}"
            )


@contextmanager
def explained(name: str, page: str, otherwise: str = LOCAL_COPY) -> Iterator[None]:
    """What a download raises, as one sentence with what to do. Errors of the disk stay as they are.

    page: where it is, for people to look at. otherwise: what to do without a network.
    """
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    # It tells of each of its attempts; we, of their end.
    logger.setLevel(logging.ERROR)
    try:
        yield
    except Exception as error:  # the hub's client raises those of whichever HTTP library it has
        found: BaseException = error
        # It hides the reason behind what its cache lacks.
        while type(found).__name__ == "LocalEntryNotFoundError" and found.__cause__ is not None:
            found = found.__cause__
        if isinstance(found, OSError) and found.errno in _OF_THE_DISK:
            raise
        if "Consistency check failed" in str(found):
            raise ValueError(f"a file of {name} was cut short: try again") from error
        raise FileNotFoundError(_reason(found, name, page, otherwise)) from error
    finally:
        logger.setLevel(level)


def _reason(error: BaseException, name: str, page: str, otherwise: str) -> str:
    kind = type(error).__name__
    response = getattr(error, "response", None)
    status = getattr(error, "code", None) or getattr(response, "status_code", None)
    if kind == "RevisionNotFoundError":
        return f"{name} names a revision that {page} has not: give a branch, tag or commit that it lists"
    if kind == "GatedRepoError":
        return f"{name} is gated: accept its terms on {page}, and set HF_TOKEN to a token of your account"
    if kind == "RepositoryNotFoundError":
        return (
            f"{name} is not found, for {page} does not exist or is private: check the name, or set HF_TOKEN "
            "to a token that may read it"
        )
    if response is not None and status in (401, 403):
        return f"{name} may not be read ({page} answers {status}): set HF_TOKEN to a token that may"
    if status == 404:
        return f"{name} is not found, or lacks a file that it lists: check {page}"
    if status == 429:
        return f"{name} cannot be downloaded, for {page} had too many requests: wait, or set HF_TOKEN"
    if isinstance(status, int):
        return f"{name} cannot be downloaded, for {page} answers {status}: try again later"
    # urllib wraps what went wrong; the number of an error says nothing to people.
    reason = next(iter(str(getattr(error, "reason", error)).splitlines()), "") or kind
    reason = re.sub(r"^\[Errno -?\d+\] ", "", reason)
    return (
        f"{name} cannot be downloaded from {page} ({reason}): check the network and its proxy, or {otherwise}"
    )
