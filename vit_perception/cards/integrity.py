"""Checks that a model's files are those that its card was written for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from vit_perception.cards.card import Card

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
CHUNK = 1 << 20


def sha256(path: Path) -> str:
    """Hex digest of a file (45 MB take about 0.1 s)."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def verify(card: Card, roles: Iterable[str]) -> None:
    """Compare the files of these roles with the digests on the card.

    Raises:
        FileNotFoundError: a file is not there. ValueError: a file is not the one the card describes.
    """
    for role in roles:
        path = card.file(role)
        with path.open("rb") as file:
            if file.read(len(LFS_POINTER)) == LFS_POINTER:
                raise ValueError(f"{path} is a Git LFS pointer, not the file itself: run `git lfs pull`")
        expected, found = card.sha256[path.name].lower(), sha256(path)
        if found != expected:
            raise ValueError(
                f"{path} ({path.stat().st_size} bytes) is incomplete or was changed: its SHA-256 is {found}, "
                f"the card says {expected}; install or clone the model again"
            )
