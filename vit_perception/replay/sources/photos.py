"""Photographs as frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from vit_perception.replay.cdr import IMAGE, serialize_bgr
from vit_perception.replay.sources import FRAME_ID, PHOTO_SUFFIXES, Frame, SourceError

if TYPE_CHECKING:
    from vit_perception.replay.sources.beside import Found


class PhotoSource:
    """Photographs in the order given. A file that cannot be read is noted in `skipped` and passed over.

    Args:
        paths: of the files.
        names: all different; the file names unless given.
        description: for people.
    """

    message_type = IMAGE
    beside: Found | None = None

    def __init__(
        self, paths: Sequence[Path], names: Sequence[str] | None = None, description: str = ""
    ) -> None:
        self._paths = list(paths)
        self._names = list(names) if names is not None else _names(self._paths)
        self.description = description or f"photograph {self._paths[0]}"
        self.skipped: list[str] = []

    @classmethod
    def of_folder(cls, folder: Path) -> PhotoSource:
        """All photographs of a folder, sorted by file name.

        Raises:
            SourceError: there are none.
        """
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PHOTO_SUFFIXES)
        if not paths:
            raise SourceError(
                f"no photographs in {folder}: it has no file that ends in {', '.join(PHOTO_SUFFIXES)}"
            )
        return cls(paths, description=f"{len(paths)} photographs in {folder}")

    def __len__(self) -> int:
        return len(self._paths)

    def __iter__(self) -> Iterator[Frame]:
        self.skipped.clear()
        for path, name in zip(self._paths, self._names, strict=True):
            image = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if image is None:
                self.skipped.append(f"{path}: not a readable picture")
                continue
            yield Frame(name, serialize_bgr(image, FRAME_ID))


def _names(paths: Sequence[Path]) -> list[str]:
    """File names, without suffix if they stay different."""
    stems = [path.stem for path in paths]
    return stems if len(set(stems)) == len(stems) else [path.name for path in paths]
