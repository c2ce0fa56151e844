"""Files that are whole or not there, whenever the writing process is killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import cv2
import numpy as np


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Opens a file that takes the place of `path` when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("wb") as file:
            yield file
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: bytes) -> None:
    """Write a file at once."""
    with whole_file(path) as file:
        file.write(content)


def write_image(path: Path, pixels: np.ndarray, quality: int | None = None) -> None:
    """Write pixels as OpenCV has them (blue first) in the format of the path's ending, at once.

    Args:
        path: ends in `.png` or `.jpg`.
        pixels: (H, W) or (H, W, 3), uint8 or uint16.
        quality: of a JPEG, 0 to 100.
    """
    options = [] if quality is None else [cv2.IMWRITE_JPEG_QUALITY, quality]
    write_whole(path, cv2.imencode(path.suffix, pixels, options)[1].tobytes())
