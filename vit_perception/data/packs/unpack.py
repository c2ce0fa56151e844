"""A packed dataset → the folder into which it was unpacked, once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import zipfile
import zlib
from pathlib import Path

from vit_perception.runtime.whole_file import whole_file

_CACHE_VARIABLE = "VIT_PERCEPTION_CACHE"
_ZIP = b"PK\x03\x04"


def is_pack(path: Path) -> bool:
    """Whether a path is a zip file, by its ending or by how it begins."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return path.suffix.lower() == ".zip" or file.read(len(_ZIP)) == _ZIP


def folder_of(path: Path) -> Path:
    """The folder itself, or that of a pack.

    Raises:
        ValueError, OSError: see `unpacked`.
    """
    return unpacked(path) if is_pack(path) else path


def unpacked(path: Path) -> Path:
    """The folder with the content of a pack.

    It is below `VIT_PERCEPTION_CACHE` if that is set, else beside the file, and unpacked when it is not there
    yet. A kill leaves what was unpacked so far, and the next call goes on. Of several processes, one unpacks
    and the others wait.

    Raises:
        ValueError: the file is damaged.
        OSError: nothing can be written.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            folder = _cache(path) / _digest(archive) / path.stem
            if not folder.is_dir():
                folder.parent.mkdir(parents=True, exist_ok=True)
                with (folder.parent / "lock").open("w") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX)
                    if not folder.is_dir():
                        _unpack(archive, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{path} is damaged ({error}): copy it again, or pack it again") from error
    return folder


def _unpack(archive: zipfile.ZipFile, folder: Path) -> None:
    partial = folder.with_name(f"{folder.name}.part")
    for entry in archive.infolist():
        target = partial / entry.filename
        if not target.resolve().is_relative_to(partial.resolve()):
            raise ValueError(f"{archive.filename} has an entry {entry.filename!r} outside it: do not use it")
        # Files are whole or not there, so one that is there was finished before a kill.
        if entry.is_dir() or (target.is_file() and target.stat().st_size == entry.file_size):
            continue
        with archive.open(entry) as source, whole_file(target) as file:
            shutil.copyfileobj(source, file)
    os.replace(partial, folder)


def _cache(path: Path) -> Path:
    if chosen := os.environ.get(_CACHE_VARIABLE):
        return Path(chosen).expanduser() / "packs"
    return path.with_name(f"{path.name}.unpacked")


def _digest(archive: zipfile.ZipFile) -> str:
    """Of the names, sizes and checksums in the pack: another content is unpacked elsewhere."""
    entries = [f"{entry.filename}\0{entry.file_size}\0{entry.CRC}\n" for entry in archive.infolist()]
    return hashlib.sha256("".join(entries).encode("utf-8", "surrogateescape")).hexdigest()[:16]
