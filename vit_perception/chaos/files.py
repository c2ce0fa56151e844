"""Images as files, as compressed_image_transport sends them: good ones, and broken ones."""

from __future__ import annotations

import array
import zlib
from collections.abc import Callable

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from vit_perception.nodes.images import codec

Spoil = Callable[[CompressedImage, np.random.Generator], None]


def as_file(image: Image) -> CompressedImage:
    """A JPEG, or a PNG of what a JPEG cannot hold: 16 bits, or four channels."""
    kind = "png" if image.encoding in ("mono16", "bgra8") else "jpeg"
    pixels = codec.decode(image, "bgr8" if image.encoding == "rgb8" else "passthrough")
    _, data = cv2.imencode(f".{kind}", pixels)
    return CompressedImage(
        header=image.header,
        format=f"{image.encoding}; {kind} compressed {'bgr8' if image.encoding == 'rgb8' else ''}".strip(),
        data=array.array("B", data.tobytes()),
    )


def _truncated(message: CompressedImage, rng: np.random.Generator) -> None:
    message.data = message.data[: int(rng.integers(1, len(message.data)))]


def _empty(message: CompressedImage, _: np.random.Generator) -> None:
    message.data = array.array("B")


def _noise(message: CompressedImage, rng: np.random.Generator) -> None:
    """In the middle of the file; its ends say that it is a whole one."""
    begin, end = len(message.data) // 3, 2 * len(message.data) // 3
    message.data = message.data[:begin] + array.array("B", rng.bytes(end - begin)) + message.data[end:]


def _vast(message: CompressedImage, _: np.random.Generator) -> None:
    """Its own header says that it has 65535 rows and columns."""
    _claim(message, 65535)


def _other_size(message: CompressedImage, rng: np.random.Generator) -> None:
    """Its own header says so."""
    _claim(message, int(rng.integers(1, 96)))


def _claim(message: CompressedImage, side: int) -> None:
    """Let the file's own header say that it has so many rows and columns."""
    data = bytearray(message.data)
    if data.startswith(b"\x89PNG"):
        data[16:24] = 2 * side.to_bytes(4, "big")
        data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    else:  # after the marker of the frame: length, precision
        place = data.index(b"\xff\xc0") + 5
        data[place : place + 4] = 2 * side.to_bytes(2, "big")
    message.data = array.array("B", data)


def _unknown(message: CompressedImage, rng: np.random.Generator) -> None:
    """No picture, and a format that says this or that."""
    message.format = str(rng.choice(["", "16UC1; compressedDepth png", "jpeg", "x" * 300]))
    message.data = array.array("B", rng.bytes(1000))


HOSTILE_FILES: dict[str, Spoil] = {
    "file truncated": _truncated,
    "file without bytes": _empty,
    "file with noise in it": _noise,
    "file that says it is vast": _vast,
    "file that says it has another size": _other_size,
    "file that is no picture": _unknown,
}
