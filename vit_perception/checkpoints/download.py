"""Public checkpoints by name, from where their authors keep them, into the usual caches."""

from __future__ import annotations

import os
import re
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from vit_perception.checkpoints.card import BackboneCard
from vit_perception.checkpoints.download_errors import (
    LOCAL_COPY,
    check_hash,
    check_online,
    check_size,
    explained,
)

_HUGGING_FACE = "hf://"
# Weights and what describes them; a repository may also hold other frameworks' copies of the same.
_PATTERNS = ("config.json", "model*.safetensors", "model.safetensors.index.json")
# The first digits of its SHA-256 in the name of a file, as PyTorch publishes them.
_HASH = re.compile(r"-([0-9a-f]{8,64})\.[a-z]+$")
_CHUNK = 1 << 20
# Seconds without an answer after which a server counts as out of reach, and between two reports.
TIMEOUT = 15.0
_INTERVAL = 1.0


def download(card: BackboneCard) -> Path:
    """The folder or file of a card's checkpoint, downloaded unless it is in the cache already.

    Raises:
        FileNotFoundError: it cannot be reached, or the library that reaches it is not installed.
        ValueError: what came is not what its author published. OSError: it cannot be stored.
    """
    if card.url.startswith(_HUGGING_FACE):
        return _from_hugging_face(card)
    return fetch(card.url, cached(card.url), card.name)


def cached(url: str) -> Path:
    """Where PyTorch keeps the file of a URL once it was downloaded."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]


def _from_hugging_face(card: BackboneCard) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError as error:
        raise FileNotFoundError(
            f"{card.name} is on the Hugging Face hub: pip install huggingface_hub, or give a local folder"
        ) from error
    repository = card.url.removeprefix(_HUGGING_FACE)
    with explained(card.name, page(repository)):
        return Path(snapshot_download(repository, allow_patterns=list(_PATTERNS)))


def page(repository: str) -> str:
    """Address of a repository on the Hugging Face hub, or on what the user has in its place."""
    return f"{os.environ.get('HF_ENDPOINT', 'https://huggingface.co').rstrip('/')}/{repository}"


class Progress:
    """Tells `report` of bytes that came, at most once a second."""

    def __init__(self, name: str, total: int, report: Callable[[str], None]) -> None:
        self.name, self.total, self.report = name, total, report
        self.count, self.told = 0, -_INTERVAL

    def add(self, count: float | None) -> None:
        """`count` more bytes; fewer than none where a part is fetched again."""
        self.count += int(count or 0)
        if time.monotonic() - self.told >= _INTERVAL:
            self.told = time.monotonic()
            share = f" ({100 * self.count // self.total} %)" if self.total else ""
            self.report(
                f"downloading {self.name}: {self.count / 1e6:.1f} of {self.total / 1e6:.1f} MB{share}"
            )


def fetch(
    url: str,
    file: Path,
    name: str,
    report: Callable[[str], None] = lambda _: None,
    otherwise: str = LOCAL_COPY,
) -> Path:
    """`file`, downloaded from a URL unless it is there; whole and as its name says, or not at all.

    Raises:
        FileNotFoundError: it cannot be reached. ValueError: it came damaged. OSError: it cannot be stored.
    """
    if file.is_file():
        return file
    check_online(name, otherwise)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}.partial")
    match = _HASH.search(file.name)
    try:
        with (
            explained(name, url, otherwise),
            urllib.request.urlopen(url, timeout=TIMEOUT) as response,
            draft.open("wb") as out,
        ):
            size = int(response.headers.get("Content-Length") or 0)
            progress = Progress(name, size, report)
            while chunk := response.read(_CHUNK):
                out.write(chunk)
                progress.add(len(chunk))
        check_size(draft, size or None, f"{file.name} of {name}")
        if match:
            check_hash(draft, "sha256", match[1], f"{file.name} of {name}")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return file
