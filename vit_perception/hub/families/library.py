"""What the hub asks of each library that public models are from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from vit_perception.hub.public_model import Facts, PublicModel


class Library(Protocol):
    """A module such as `families/timm.py`. `hub/build.py` lists them; a new library is one more.

    Each imports its own package inside its functions, so that a folder's library is recognised where the
    others are not installed.
    """

    def handles(self, config: Mapping[str, Any]) -> bool:
        """Whether the content of a config.json is this library's."""
        ...

    def check(self, folder: Path) -> None:
        """Raise an error unless a folder's settings are of a supported model. Its weights may be missing yet.

        Raises:
            FileNotFoundError: a file is missing.
            ValueError: a file is damaged, or of a model that is not supported.
        """
        ...

    def open_checkpoint(self, folder: Path) -> tuple[PublicModel, Facts, dict[str, Any]]:
        """A publisher's model with its weights.

        Returns:
            The model in float32 and evaluation mode, what its files say of it, and the `architecture` of its
            card, from which `build` makes it again; `library` in it is the name in `hub/build.py`.

        Raises:
            FileNotFoundError: a file is missing.
            ValueError: a file is damaged, or of a model that is not supported.
        """
        ...

    def build(self, architecture: Mapping[str, Any], folder: Path) -> PublicModel:
        """The same model, its weights not set, from what was kept in the folder of an adopted one."""
        ...
