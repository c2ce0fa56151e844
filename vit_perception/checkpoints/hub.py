"""Public checkpoints by name, from where their authors keep them, into the usual caches."""

from __future__ import annotations

from pathlib import Path

from vit_perception.checkpoints.card import BackboneCard

_HUGGING_FACE = "hf://"
# Weights and what describes them; a repository may also hold other frameworks' copies of the same.
_PATTERNS = ("config.json", "model*.safetensors", "model.safetensors.index.json")


def download(card: BackboneCard) -> Path:
    """The folder or file of a card's checkpoint, downloaded unless it is in the cache already.

    Raises:
        FileNotFoundError: it cannot be reached, or the library that reaches it is not installed.
    """
    if card.url.startswith(_HUGGING_FACE):
        return _from_hugging_face(card)
    return _from_url(card)


def _from_hugging_face(card: BackboneCard) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError as error:
        raise FileNotFoundError(
            f"{card.name} is on the Hugging Face hub: pip install huggingface_hub, or give a local folder"
        ) from error
    try:
        return Path(snapshot_download(card.url.removeprefix(_HUGGING_FACE), allow_patterns=list(_PATTERNS)))
    except Exception as error:  # the hub's client raises those of whichever HTTP library it has
        raise _unreachable(card, error) from error


def _from_url(card: BackboneCard) -> Path:
    import torch

    file = Path(torch.hub.get_dir()) / "checkpoints" / card.url.rsplit("/", 1)[-1]
    if file.is_file():
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(card.url, str(file), progress=False)
    except OSError as error:  # urllib's errors among them
        raise _unreachable(card, error) from error
    return file


def _unreachable(card: BackboneCard, error: Exception) -> FileNotFoundError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return FileNotFoundError(
        f"{card.name} cannot be downloaded from {card.url} ({reason}): give the path of a local copy"
    )
