"""Images as drivers send them: good ones of any shape and encoding, and broken ones."""

from __future__ import annotations

import array
import math
from collections.abc import Callable

import cv2
import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from vit_perception.nodes.images import codec

# Height and width: 4:3, 16:9, portrait and square, and two that no model likes.
SHAPES = ((480, 640), (360, 640), (640, 480), (480, 480), (240, 320), (97, 131), (1, 1))
ENCODINGS = ("bgr8", "rgb8", "mono8", "bgra8", "mono16")

Spoil = Callable[[Image, np.random.Generator], None]


def good_image(header: Header, shape: tuple[int, int], encoding: str, rng: np.random.Generator) -> Image:
    """Blurred noise, in which networks find this and that."""
    height, width = shape
    small = rng.integers(0, 256, (max(height // 24, 1), max(width // 24, 1), 3), np.uint8)
    pixels = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    if encoding in ("mono8", "mono16"):
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    if encoding == "bgra8":
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2BGRA)
    if encoding == "mono16":
        pixels = pixels.astype(np.uint16) * 257
    return codec.encode(pixels, encoding, header)


def _truncated(message: Image, rng: np.random.Generator) -> None:
    message.data = message.data[: int(rng.integers(0, max(len(message.data), 1)))]


def _empty(message: Image, _: np.random.Generator) -> None:
    message.height = message.width = message.step = 0
    message.data = array.array("B")


def _short_step(message: Image, _: np.random.Generator) -> None:
    message.step = max(message.step - 3, 0)


def _long_step(message: Image, rng: np.random.Generator) -> None:
    message.step += int(rng.integers(1, 2**20))


def _unknown(message: Image, rng: np.random.Generator) -> None:
    message.encoding = str(rng.choice(["", "bgr7", "8UC300", "jpeg", "32FC", "BGR8", "x" * 300]))


def _other_encoding(message: Image, rng: np.random.Generator) -> None:
    """Of which the data is not."""
    message.encoding = str(rng.choice(["bgr8", "mono16", "bayer_rggb8", "yuv422_yuy2", "nv12", "64FC4"]))


def _not_finite(message: Image, rng: np.random.Generator) -> None:
    value = float(rng.choice([math.nan, math.inf, -math.inf]))
    data = np.full((message.height, message.width, 3), value, np.float32)
    message.encoding, message.step = "32FC3", message.width * 12
    message.data = array.array("B", data.tobytes())


def _vast(message: Image, rng: np.random.Generator) -> None:
    """It says that it has millions of rows."""
    message.height = int(rng.integers(20_000, 2**32))
    message.width = int(rng.integers(20_000, 2**32))


def _big_endian(message: Image, _: np.random.Generator) -> None:
    message.is_bigendian = 1


HOSTILE: dict[str, Spoil] = {
    "image truncated": _truncated,
    "image without pixels": _empty,
    "image with a step too short": _short_step,
    "image with a step too long": _long_step,
    "image of an unknown encoding": _unknown,
    "image of another encoding than its data": _other_encoding,
    "image that is not finite": _not_finite,
    "image that says it is vast": _vast,
    "image of the other byte order": _big_endian,
}
