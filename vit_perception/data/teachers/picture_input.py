"""A picture → the input that a teacher's file takes."""

from __future__ import annotations

import cv2
import numpy as np

from vit_perception.data.teachers.contract import InputContract
from vit_perception.runtime.preprocess import Geometry, fit


def picture_input(image: np.ndarray, contract: InputContract) -> tuple[np.ndarray, Geometry]:
    """The network's input for one picture.

    Args:
        image: (H, W, 3) uint8 RGB.
        contract: how the network takes it.

    Returns:
        A batch of one, and where the picture lies in it.
    """
    height, width = contract.size
    source = (image.shape[0], image.shape[1])
    geometry = (
        fit(source, (contract.size,))
        if contract.fit == "letterbox"
        else Geometry(source, contract.size, contract.size)
    )
    rows, columns = map(int, geometry.rows_and_columns)
    pixels: np.ndarray = np.full((height, width, 3), contract.padding, np.uint8)
    pixels[:rows, :columns] = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_LINEAR)
    if contract.channels == "BGR":
        pixels = pixels[..., ::-1]
    if contract.dtype == "float32":
        mean, std = (np.asarray(values, np.float32) for values in (contract.mean, contract.std))
        pixels = (pixels.astype(np.float32) - mean) / std
    if contract.layout == "NCHW":
        pixels = pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(pixels)[None], geometry
