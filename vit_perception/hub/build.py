"""From a folder to a public model: with its weights when it is adopted, without them ever after.

The libraries are imported when a function is called, so that whoever only hands `build_public` on needs none.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vit_perception.hub.families.files import CONFIG, read_json

if TYPE_CHECKING:
    from vit_perception.hub.families.library import Library
    from vit_perception.hub.public_model import Facts, PublicModel


def build_public(architecture: Mapping[str, Any], folder: Path) -> PublicModel:
    """The model that a card's `architecture` describes, its weights not set.

    Raises:
        ValueError: the library or the architecture is unknown. FileNotFoundError: a file of it is missing.
    """
    libraries = _libraries()
    library = libraries.get(architecture["library"])
    if library is None:
        raise ValueError(f"unknown library {architecture['library']!r}: choose from {', '.join(libraries)}")
    return library.build(architecture, folder)


def check_public(folder: Path) -> None:
    """Raise an error unless a folder's settings are of a supported model. Its weights may be missing yet.

    Raises:
        FileNotFoundError: a file of the settings is missing. ValueError: one is damaged, or no such model's.
    """
    _library_of(folder).check(folder)


def open_public(folder: Path) -> tuple[PublicModel, Facts, dict[str, Any]]:
    """(a publisher's model with its weights, what its files say, `architecture` for its card).

    Raises:
        FileNotFoundError: a file is missing. ValueError: it is damaged, or no model that is supported.
    """
    return _library_of(folder).open_checkpoint(folder)


def _libraries() -> dict[str, Library]:
    """By the name that cards have for them. The last handles what none of the others does."""
    from vit_perception.hub.families import timm, torchvision
    from vit_perception.hub.families.hugging_face import models

    return {"torchvision": torchvision, "timm": timm, "transformers": models}


def _library_of(folder: Path) -> Library:
    config = read_json(folder / CONFIG)
    return next(library for library in _libraries().values() if library.handles(config))
