"""Reading and writing picture files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def find_pictures(folder: Path) -> list[Path]:
    """All pictures in a folder and its subfolders, sorted by path.

    Raises:
        FileNotFoundError: there is none.
    """
    found = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not found:
        raise FileNotFoundError(f"no picture ({', '.join(SUFFIXES)}) in {folder} or below it")
    return found


def read_picture(path: Path) -> np.ndarray:
    """(H, W, 3) uint8 RGB.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: OpenCV cannot read it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no picture {path}")
    image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise ValueError(f"{path} is not a picture that OpenCV can read: give a JPEG or PNG file")
    return image


def write_picture(path: Path, image: np.ndarray) -> None:
    """Write (H, W, 3) uint8 RGB, and create its folder if need be.

    Raises:
        ValueError: the ending of the name is not that of a picture format.
        OSError: it cannot be written.
    """
    if path.is_dir() or not cv2.haveImageWriter(str(path)):
        raise ValueError(f"{path} does not name a picture: give a file that ends in .png or .jpg")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR)):
        raise OSError(f"{path} cannot be written")
