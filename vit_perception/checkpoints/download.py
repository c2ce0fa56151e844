"""Download public checkpoints from where they are published, into the caches of PyTorch and Hugging Face."""

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
    wrap_download_errors,
)
from vit_perception.install_hint import pip_install

_HUGGING_FACE = "hf://"
# Weights and their description. A repository may also have the same weights for other frameworks.
_PATTERNS = ("config.json", "model*.safetensors", "model.safetensors.index.json")
# PyTorch puts the first digits of a file's SHA-256 into its name.
_HASH = re.compile(r"-([0-9a-f]{8,64})\.[a-z]+$")
_CHUNK = 1 << 20
TIMEOUT = 15.0  # seconds to wait for an answer of a server
_REPORT_INTERVAL = 1.0  # seconds between two reports of progress


def download(card: BackboneCard) -> Path:
    """Download the checkpoint of a card, unless it is in the cache already.

    Returns:
        Path of the file, or of the folder of a repository on the Hugging Face hub.

    Raises:
        FileNotFoundError: it cannot be reached, or huggingface_hub is needed and not installed.
        ValueError: the download is damaged.
        OSError: it cannot be stored.
    """
    if card.url.startswith(_HUGGING_FACE):
        return _from_hugging_face(card)
    return fetch(card.url, torch_cache_path(card.url), card.name)


def torch_cache_path(url: str) -> Path:
    """Where PyTorch's cache keeps the file of a URL, whether or not it has been downloaded."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]


def _from_hugging_face(card: BackboneCard) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError as error:
        raise FileNotFoundError(
            f"{card.name} is on the Hugging Face hub: {pip_install('huggingface_hub')}, "
            "or give a local folder"
        ) from error
    repository = card.url.removeprefix(_HUGGING_FACE)
    with wrap_download_errors(card.name, repository_page(repository)):
        return Path(snapshot_download(repository, allow_patterns=list(_PATTERNS)))


def repository_page(repository: str) -> str:
    """Address of a repository on the Hugging Face hub, or on the mirror that HF_ENDPOINT names."""
    return f"{os.environ.get('HF_ENDPOINT', 'https://huggingface.co').rstrip('/')}/{repository}"


class Progress:
    """Reports the progress of a download, at most once a second.

    Args:
        name: of what is downloaded.
        total: its size in bytes, 0 if unknown.
        report: is called with a line of text.
    """

    def __init__(self, name: str, total: int, report: Callable[[str], None]) -> None:
        self.name, self.total, self.report = name, total, report
        self.count, self.reported_at = 0, -_REPORT_INTERVAL

    def add(self, count: float | None) -> None:
        """Count more bytes; a negative number when a part is downloaded again."""
        self.count += int(count or 0)
        if time.monotonic() - self.reported_at >= _REPORT_INTERVAL:
            self.reported_at = time.monotonic()
            share = f" ({100 * self.count // self.total} %)" if self.total else ""
            self.report(
                f"downloading {self.name}: {self.count / 1e6:.1f} of {self.total / 1e6:.1f} MB{share}"
            )


def fetch(
    url: str,
    file: Path,
    name: str,
    report: Callable[[str], None] = lambda _: None,
    offline_hint: str = LOCAL_COPY,
) -> Path:
    """Download a file, unless it is there. It appears only once it is complete and its hash is right.

    Args:
        url: address of the file.
        file: where to put it. If its name ends in digits of a SHA-256, as PyTorch's do, they are checked.
        name: what it is, for messages.
        report: is called with a line of text on the progress.
        offline_hint: what to do without a network, for error messages.

    Returns:
        `file`.

    Raises:
        FileNotFoundError: it cannot be reached.
        ValueError: the download is damaged.
        OSError: it cannot be stored.
    """
    if file.is_file():
        return file
    check_online(name, offline_hint)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}.partial")
    match = _HASH.search(file.name)
    try:
        with (
            wrap_download_errors(name, url, offline_hint),
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
