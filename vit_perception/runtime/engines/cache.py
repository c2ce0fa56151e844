"""The folder in which compiled models are kept from one start to the next."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path

_LOG = logging.getLogger(__name__)
CACHE_VARIABLE = "VIT_PERCEPTION_CACHE"
# Bytes: some ten models, each in a few shapes. One that was deleted is compiled anew, in seconds.
MOST_CACHE = 1_000_000_000


def cache_folder() -> Path:
    """Where compiled models are kept: `VIT_PERCEPTION_CACHE`, or the user's cache folder."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "vit_perception"


def open_cache() -> Path | None:
    """The cache folder, made if need be; None where that is impossible. Warns if nothing can be kept there.

    One that is read-only is used all the same: it may have come with a container, filled.
    """
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
    except RuntimeError as error:  # the user has no home
        _warn_uncached(str(error))
    except OSError as error:
        _warn_uncached(f"{folder} cannot be made ({error.strerror})")
    else:
        if not os.access(folder, os.W_OK):
            _warn_uncached(f"{folder} cannot be written")
        return folder
    return None


def _warn_uncached(reason: str) -> None:
    _LOG.warning(
        "no compiled model is kept, so starts take longer: %s; set %s to a folder that can be written",
        reason,
        CACHE_VARIABLE,
    )


def prune_cache(folder: Path, most: int = MOST_CACHE) -> None:
    """Delete the oldest compiled models, so that at most `most` bytes are left."""
    with contextlib.suppress(OSError):  # another process may prune, too
        blobs = sorted(folder.glob("*.blob"), key=lambda blob: blob.stat().st_mtime, reverse=True)
        total = 0
        for blob in blobs:
            total += blob.stat().st_size
            if total > most:
                blob.unlink()
