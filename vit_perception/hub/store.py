"""Where adopted models are kept, and how one is put there: whole or not at all, by one process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vit_perception.cards.card import FILE
from vit_perception.hub.names import DRAFT
from vit_perception.runtime.engines.openvino import cache_folder

STORE_VARIABLE = "VIT_PERCEPTION_MODELS"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)
_REMEDY = f"set {STORE_VARIABLE} to a folder elsewhere"


def store() -> Path:
    """Where adopted models are kept: `VIT_PERCEPTION_MODELS`, or `models` in the user's cache folder."""
    chosen = os.environ.get(STORE_VARIABLE)
    return Path(chosen).expanduser() if chosen else cache_folder() / "models"


@contextmanager
def alone(where: Path, report: Callable[[str], None]) -> Iterator[None]:
    """Write into a store while no other process does. What one that was killed has left there is removed.

    Raises:
        OSError: it cannot be written, and what to do.
    """
    with _explained(where):
        where.mkdir(parents=True, exist_ok=True)
        handle = os.open(where, os.O_RDONLY)
        try:
            if _locked(handle, where, report):
                for left in where.glob(f"{DRAFT}*"):
                    shutil.rmtree(left, ignore_errors=True)
            yield
        finally:
            os.close(handle)


@contextmanager
def fresh(target: Path) -> Iterator[Path]:
    """An empty folder beside `target` that becomes it in one move, unless another process was quicker.

    If anything fails, it is gone.
    """
    draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=target.parent))
    try:
        draft.chmod(0o755)  # a robot's nodes may run as another user
        yield draft
        try:
            draft.rename(target)
        except OSError:  # there is something, whole or not
            if not (target / FILE).is_file():
                shutil.rmtree(target)
                draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def is_full(error: BaseException) -> bool:
    """Whether an error means that nothing more can be written."""
    return _number(error) in _FULL


def _number(error: BaseException) -> int | None:
    if isinstance(error, OSError):
        return error.errno
    # safetensors and other libraries in Rust say it in words.
    match = re.search(r"\(os error (\d+)\)", str(error))
    return int(match[1]) if match else None


def _locked(handle: int, where: Path, report: Callable[[str], None]) -> bool:
    """Whether the folder is ours alone; some network disks have no locks, and then writers only lose time."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        report(f"waiting for another process, which adopts a model into {where}")
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


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
