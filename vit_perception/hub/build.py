"""From a folder to a public model: with its weights when it is adopted, without them ever after."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vit_perception.hub.families import timm, torchvision
from vit_perception.hub.families.hugging_face import models as hugging_face
from vit_perception.hub.families.hugging_face.checkpoint import CONFIG, read_json
from vit_perception.hub.public_model import Facts, PublicModel

_LIBRARIES = {"transformers": hugging_face, "timm": timm, "torchvision": torchvision}


def build_public(architecture: Mapping[str, Any], folder: Path) -> PublicModel:
    """The model that a card's `architecture` describes, its weights not set.

    Raises:
        ValueError: the library or the architecture is unknown. FileNotFoundError: a file of it is missing.
    """
    library = _LIBRARIES.get(architecture["library"])
    if library is None:
        raise ValueError(f"unknown library {architecture['library']!r}: choose from {', '.join(_LIBRARIES)}")
    return library.build(architecture, folder)


def check_public(folder: Path) -> None:
    """Raise an error unless a folder's settings are of a supported model. Its weights may be missing yet.

    Raises:
        FileNotFoundError: a file of the settings is missing. ValueError: one is damaged, or no such model's.
    """
    config = read_json(folder / CONFIG)
    if not torchvision.handles(config) and not timm.handles(config):
        hugging_face.check(folder)


def open_public(folder: Path) -> tuple[PublicModel, Facts, dict[str, Any]]:
    """(a publisher's model with its weights, what its files say, `architecture` for its card).

    Raises:
        FileNotFoundError: a file is missing. ValueError: it is damaged, or no model that is supported.
    """
    config = read_json(folder / CONFIG)
    for library in (torchvision, timm):
        if library.handles(config):
            return library.open_checkpoint(folder)
    return hugging_face.open_checkpoint(folder)
