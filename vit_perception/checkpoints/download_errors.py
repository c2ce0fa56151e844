"""Checks and errors of downloads: each message is one sentence on what is wrong and what to do."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What to do instead of a download.
LOCAL_COPY = "give the path of a local copy"
OFFLINE_VARIABLES = ("VIT_PERCEPTION_OFFLINE", "HF_HUB_OFFLINE")
_CHUNK = 1 << 20
# Errors of this machine's disk; every other OSError of a download is one of the network.
_DISK_ERRORS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EIO,
    errno.ENOTDIR,
)


def check_size(file: Path, size: int | None, description: str) -> None:
    """Check that a downloaded file is complete.

    Args:
        file: the file.
        size: the published size in bytes, None if unknown.
        description: of the file, for error messages.

    Raises:
        ValueError: its size differs.
    """
    found = file.stat().st_size
    if size is not None and found != size:
        raise ValueError(f"{description} was cut short, {found} bytes of {size} came: try again")


def check_hash(file: Path, algorithm: str, start: str, description: str, prefix: bytes = b"") -> None:
    """Check that the content of a downloaded file is what was published.

    Args:
        file: the file.
        algorithm: of the hash, a name that hashlib knows.
        start: the first hexadecimal digits of the published hash, or all of them.
        description: of the file, for error messages.
        prefix: bytes that are hashed before the file, as git does.

    Raises:
        ValueError: its hash differs.
    """
    found = hashlib.new(algorithm, prefix)
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            found.update(chunk)
    if not found.hexdigest().startswith(start):
        raise ValueError(
            f"{description} came with another content than was published "
            f"({algorithm} {found.hexdigest()[:12]}…, not {start[:12]}…): try again"
        )


def check_online(name: str, offline_hint: str = LOCAL_COPY) -> None:
    """Check that downloads are allowed.

    Args:
        name: what is to be downloaded, for error messages.
        offline_hint: what to do without a network, for error messages.

    Raises:
        FileNotFoundError: an environment variable in OFFLINE_VARIABLES forbids downloads.
    """
    for variable in OFFLINE_VARIABLES:
        if os.environ.get(variable, "").upper() in ("1", "ON", "YES", "TRUE"):
            raise FileNotFoundError(
                f"{name} is not on this machine, and {variable} is set: unset it, or {offline_hint}"
            )


@contextmanager
def wrap_download_errors(name: str, page: str, offline_hint: str = LOCAL_COPY) -> Iterator[None]:
    """Context manager that turns the errors of a download into one sentence with what to do.

    Args:
        name: what is downloaded.
        page: its address, for people.
        offline_hint: what to do without a network.

    Raises:
        FileNotFoundError: it does not exist, may not be read or cannot be reached.
        ValueError: the download is damaged.
        OSError: errors of the disk, unchanged.
    """
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    # It logs every attempt; only the end matters here.
    logger.setLevel(logging.ERROR)
    try:
        yield
    except Exception as error:  # the types depend on the HTTP library that the hub's client uses
        found: BaseException = error
        # The client raises that its cache lacks the file; the cause says why it could not be downloaded.
        while type(found).__name__ == "LocalEntryNotFoundError" and found.__cause__ is not None:
            found = found.__cause__
        if isinstance(found, OSError) and found.errno in _DISK_ERRORS:
            raise
        if "Consistency check failed" in str(found):
            raise ValueError(f"a file of {name} was cut short: try again") from error
        raise FileNotFoundError(_reason(found, name, page, offline_hint)) from error
    finally:
        logger.setLevel(level)


def _reason(error: BaseException, name: str, page: str, offline_hint: str) -> str:
    """The message for an error of urllib or of the Hugging Face hub's client."""
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
    # urllib wraps the actual error, whose number means nothing to users.
    reason = next(iter(str(getattr(error, "reason", error)).splitlines()), "") or kind
    reason = re.sub(r"^\[Errno -?\d+\] ", "", reason)
    return (
        f"{name} cannot be downloaded from {page} ({reason}): "
        f"check the network and its proxy, or {offline_hint}"
    )
