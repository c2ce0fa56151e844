"""Every image encoding of `sensor_msgs/image_encodings.hpp`, with the layout of its samples."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

import numpy as np


class ImageError(ValueError):
    """An image that cannot be used; the message names the encoding, size or step and the remedy."""


# Layouts: the meaning of the channels. The five plain ones are spelt as in OpenCV's conversion codes.
GRAY, RGB, BGR, RGBA, BGRA = "GRAY", "RGB", "BGR", "RGBA", "BGRA"
COLOURS = {GRAY: 1, RGB: 3, BGR: 3, RGBA: 4, BGRA: 4}
NUMBERS = "numbers"  # measurements without a colour: depth, disparity, flow
BAYER = {"bayer_rggb": "RGGB", "bayer_bggr": "BGGR", "bayer_gbrg": "GBRG", "bayer_grbg": "GRBG"}
PACKED_YUV = {"UYVY", "YUYV"}  # 4:2:2, two pixels share one pair of chroma samples
HALF_YUV = {"NV12", "NV21"}  # 4:2:0, a luma plane, then a plane of chroma pairs of half its height
FULL_YUV = "NV24"  # 4:4:4, a luma plane, then a plane of chroma pairs of twice its row length

_DEPTHS = {"8U": "u1", "8S": "i1", "16U": "u2", "16S": "i2", "32S": "i4", "32F": "f4", "64F": "f8"}
_GENERIC = re.compile(r"(8U|8S|16U|16S|32S|32F|64F)C(\d*)")


@dataclass(frozen=True)
class Encoding:
    """One encoding.

    Attributes:
        name: as in `Image.encoding`.
        layout: meaning of the channels, one of the constants of this module.
        dtype: of a sample, in native byte order.
        channels: samples for each pixel in a row of the message.
    """

    name: str
    layout: str
    dtype: np.dtype[Any]
    channels: int

    @property
    def bits(self) -> int:
        """Bits of one sample."""
        return self.dtype.itemsize * 8

    @property
    def is_colour(self) -> bool:
        """Whether the samples are a picture (grey, Bayer and YUV, too) rather than measurements."""
        return self.layout != NUMBERS

    def rows(self, height: int) -> int:
        """Rows of `step` bytes in a message with `height` rows of pixels."""
        if self.layout in HALF_YUV:
            return height + height // 2
        return 3 * height if self.layout == FULL_YUV else height

    def check_size(self, height: int, width: int) -> None:
        """Refuse a size that the layout cannot have.

        Raises:
            ImageError: a side is zero, or odd where pixels share chroma, or a Bayer image too small to
                interpolate.
        """
        if height < 1 or width < 1:
            raise ImageError(
                f"{self.name} image is {width}x{height} pixels: the publisher must send a picture"
            )
        if self.layout in PACKED_YUV and width % 2:
            raise ImageError(
                f"{self.name} image is {width} pixels wide: pixels come in pairs, so use an even width"
            )
        if self.layout in HALF_YUV and (width % 2 or height % 2):
            raise ImageError(
                f"{self.name} image is {width}x{height} pixels: 2x2 pixels share chroma, use even sides"
            )
        if self.layout in BAYER.values() and (width < 3 or height < 3):
            raise ImageError(
                f"{self.name} image is {width}x{height} pixels: colours need at least 3x3 to interpolate"
            )


def _named() -> dict[str, Encoding]:
    table: dict[str, Encoding] = {}

    def add(name: str, layout: str, sample: str, channels: int) -> None:
        table[name] = Encoding(name, layout, np.dtype(sample), channels)

    for bits, sample in ((8, "u1"), (16, "u2")):
        for layout, channels in COLOURS.items():
            add(("mono" if layout == GRAY else layout.lower()) + str(bits), layout, sample, channels)
        for prefix, layout in BAYER.items():
            add(f"{prefix}{bits}", layout, sample, 1)
    for name in ("uyvy", "yuv422"):
        add(name, "UYVY", "u1", 2)
    for name in ("yuyv", "yuv422_yuy2"):
        add(name, "YUYV", "u1", 2)
    for name in ("nv12", "nv21", "nv24"):
        add(name, name.upper(), "u1", 1)
    # The generic encodings name only a type. An 8-bit picture with such a name comes from OpenCV, through
    # cv_bridge's `cv2_to_imgmsg(array)`, and is read in OpenCV's channel order, as RViz does.
    for channels, layout in ((1, GRAY), (3, BGR), (4, BGRA)):
        add(f"8UC{channels}", layout, "u1", channels)
    table["8UC"] = Encoding("8UC", GRAY, np.dtype("u1"), 1)
    return table


NAMED = _named()


@functools.lru_cache(maxsize=256)
def lookup(name: str) -> Encoding:
    """The encoding of this name, as in `Image.encoding`.

    Raises:
        ImageError: sensor_msgs has no such encoding.
    """
    if name in NAMED:
        return NAMED[name]
    match = _GENERIC.fullmatch(name)
    channels = int(match[2] or 1) if match else 0
    if match is None or not 1 <= channels <= 512:
        raise ImageError(
            f"unknown image encoding {name!r}: publish one of sensor_msgs, such as bgr8, rgb8 or mono8"
        )
    return Encoding(name, NUMBERS, np.dtype(_DEPTHS[match[1]]), channels)
