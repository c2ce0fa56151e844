"""Where adopted models are kept, and how one is put there: whole or not at all, by one process at a time."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vit_perception.cards.card import load_card
from vit_perception.cards.files import CARD_FILE
from vit_perception.hub.names import DRAFT
from vit_perception.hub.report import Report
from vit_perception.runtime.engines.cache import cache_folder

STORE_VARIABLE = "VIT_PERCEPTION_MODELS"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)
_LOCK = ".lock"
# Models of one publisher's folder: the present one, and the one before, which a node may still run.
_KEPT = 2
_REMEDY = f"set {STORE_VARIABLE} to a folder elsewhere"


def store() -> Path:
    """Where adopted models are kept: `VIT_PERCEPTION_MODELS`, or `models` in the user's cache folder."""
    chosen = os.environ.get(STORE_VARIABLE)
    return Path(chosen).expanduser() if chosen else cache_folder() / "models"


@contextmanager
def exclusive(where: Path, report: Report) -> Iterator[None]:
    """Write into a store while no other process does. What a killed process has left there is removed.

    Raises:
        OSError: it cannot be written, and what to do.
    """
    with _explained(where):
        where.mkdir(parents=True, exist_ok=True)
        with _locked(where, report) as is_locked:
            if is_locked:
                for left in where.glob(f"{DRAFT}*"):
                    shutil.rmtree(left, ignore_errors=True)
            yield


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """An empty folder beside `target` that becomes it in one move, unless another process was quicker.

    It is removed if anything fails.
    """
    draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=target.parent))
    try:
        draft.chmod(0o755)  # a robot's nodes may run as another user
        yield draft
        try:
            draft.rename(target)
        except OSError:  # there is something, whole or not
            if not (target / CARD_FILE).is_file():
                shutil.rmtree(target)
                draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def prune(folders: Iterable[Path], source: str) -> None:
    """Remove all but the newest models among `folders` that were adopted from `source`: each change of a
    publisher's folder makes another, of hundreds of megabytes."""
    adopted = [folder for folder in folders if _source(folder) == source]
    adopted.sort(key=lambda folder: (folder / CARD_FILE).stat().st_mtime_ns, reverse=True)
    for folder in adopted[_KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)


def _source(folder: Path) -> str | None:
    """Where a model was adopted from; None if the folder holds none that is whole."""
    try:
        return load_card(folder).source
    except (OSError, ValueError):
        return None


def is_full(error: BaseException) -> bool:
    """Whether an error means that nothing more can be written."""
    return _number(error) in _FULL


def _number(error: BaseException) -> int | None:
    if isinstance(error, OSError):
        return error.errno
    # safetensors and other libraries in Rust say it in words.
    match = re.search(r"\(os error (\d+)\)", str(error))
    return int(match[1]) if match else None


@contextmanager
def _locked(where: Path, report: Report) -> Iterator[bool]:
    """Whether this process has the lock. Some network disks have none, and then writers only lose time."""
    from filelock import FileLock, Timeout

    # Every user who may write into the folder may lock it.
    lock = FileLock(where / _LOCK, mode=0o666)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            report(f"waiting for another process, which adopts a model into {where}")
            lock.acquire()
    except (OSError, NotImplementedError) as error:
        if _number(error) in (*_FULL, *_REFUSED):
            raise
    try:
        yield lock.is_locked
    finally:
        lock.release()


@contextmanager
def _explained(where: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        number = _number(error)
        if number in _FULL:
            reason = os.strerror(number)
            raise OSError(f"the disk of {where} takes no more ({reason}): make room, or {_REMEDY}") from error
        if number in _REFUSED:
            raise OSError(f"{where} cannot be written ({os.strerror(number)}): {_REMEDY}") from error
        raise
