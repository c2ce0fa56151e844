"""The size of a compressed picture, from its header: some kilobytes of a file may be gigabytes of pixels."""

from __future__ import annotations

import io
import struct

from PIL import Image

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
# Whose headers Pillow reads. OpenCV has others: JPEG 2000, whose two sizes may differ, and floats.
_PILLOW_FORMATS = ("WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF")
# The markers of JPEG that begin a frame, with its size (ITU T.81, table B.1).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Those without a segment behind them: stuffing, TEM, and RST0 to RST7.
_BARE = frozenset({0x00, 0x01, *range(0xD0, 0xD8)})
_ENDS = frozenset({0xD9, 0xDA})


def read_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) in pixels of the picture in a file, of which nothing is decoded.

    None if it is no JPEG, PNG, WebP, TIFF, BMP, GIF, portable map (PPM and the like) or AVIF, or cut within
    its header.
    """
    try:
        if data.startswith(_PNG):
            return struct.unpack_from(">II", data, 16)  # IHDR is always the first chunk
        return _jpeg_size(data) if data.startswith(_JPEG) else _size_by_pillow(data)
    except struct.error:
        return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """The size in the first frame header. As libjpeg does, it skips what stands between segments.

    Raises:
        struct.error: the file ends before.
    """
    at = 2
    while (at := data.find(b"\xff", at)) >= 0:
        while data[at : at + 1] == b"\xff":  # any number of them may come before a marker
            at += 1
        (marker,) = struct.unpack_from("B", data, at)
        if marker in _ENDS:
            break
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 4)
            return width, height
        at += 1 if marker in _BARE else 1 + struct.unpack_from(">H", data, at + 1)[0]
    return None


def _size_by_pillow(data: bytes) -> tuple[int, int] | None:
    # Not through Image.open, which refuses large pictures without telling their size.
    Image.init()
    try:
        for name in _PILLOW_FORMATS:
            read, accepts = Image.OPEN.get(name, (None, None))
            if read is not None and accepts is not None and accepts(data[:16]):
                return read(io.BytesIO(data), "").size
    except Exception:  # of many kinds: the file is damaged
        return None
    return None
