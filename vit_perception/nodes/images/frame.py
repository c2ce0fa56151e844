"""An image message, raw or compressed, as the pixels that the model and the overlays take."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from vit_perception.nodes.images import codec


@dataclass(frozen=True)
class Frame:
    """A decoded image message.

    Attributes:
        header: of the message, which every output repeats.
        pixels: (H, W, 3) uint8, read-only.
        order: of the channels, `bgr` or `rgb`.
    """

    header: Header
    pixels: np.ndarray
    order: str

    @functools.cached_property
    def rgb(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        return self.pixels if self.order == "rgb" else cv2.cvtColor(self.pixels, cv2.COLOR_BGR2RGB)


def read_frame(message: Image | CompressedImage, max_megapixels: float) -> Frame:
    """Decode a message; 8-bit RGB and BGR are not copied.

    Args:
        max_megapixels: of an image that is decoded.

    Raises:
        ImageError: it holds no colour picture, is too large or incomplete; the error says what is wrong.
    """
    if isinstance(message, CompressedImage):
        return Frame(message.header, codec.decode_compressed(message, "bgr8", max_megapixels), "bgr")
    order = "rgb" if message.encoding.startswith("rgb") else "bgr"
    return Frame(message.header, codec.decode(message, f"{order}8", max_megapixels), order)
