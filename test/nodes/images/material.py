"""Pictures, samples and hand-made messages that the image tests share."""

import array

import numpy as np
from sensor_msgs.msg import Image

from vit_perception.nodes.images.encodings import lookup

COLOUR = [f"{layout}{bits}" for layout in ("rgb", "rgba", "bgr", "bgra", "mono") for bits in (8, 16)]
BAYER = [f"bayer_{pattern}{bits}" for pattern in ("rggb", "bggr", "gbrg", "grbg") for bits in (8, 16)]
YUV = ["yuv422", "uyvy", "yuv422_yuy2", "yuyv", "nv12", "nv21", "nv24"]
GENERIC = [f"{depth}C{n}" for depth in ("8U", "8S", "16U", "16S", "32S", "32F", "64F") for n in (1, 2, 3, 4)]
EVERY = [*COLOUR, *BAYER, *YUV, *GENERIC, "8UC", "16SC", "8UC7"]
PICTURES = [*COLOUR, *BAYER, *YUV, "8UC", "8UC1", "8UC3", "8UC4"]
NUMBERS = [name for name in EVERY if name not in PICTURES]

HEIGHT, WIDTH = 6, 8


def picture(height=HEIGHT, width=WIDTH):
    """A smooth (H, W, 3) BGR gradient with a different slope in each channel."""
    rows, columns = np.mgrid[0:height, 0:width]
    channels = (40 + 3 * columns, 180 - 3 * rows, 50 + 2 * rows + columns)
    return np.stack(channels, axis=-1).astype(np.uint8)


def samples(encoding, height=HEIGHT, width=WIDTH):
    """Random native pixels for an encoding, in the shape that `encode` takes."""
    known = lookup(encoding)
    shape = (known.rows(height), width) if known.channels == 1 else (height, width, known.channels)
    random = np.random.default_rng(7)
    if known.dtype.kind == "f":
        return random.normal(size=shape).astype(known.dtype)
    limits = np.iinfo(known.dtype)
    return random.integers(limits.min, limits.max, shape, known.dtype, endpoint=True)


def message(encoding, pixels, height, width, step, is_bigendian=0):
    """A message built by hand, not by the code under test."""
    data = array.array("B", np.ascontiguousarray(pixels).tobytes())
    return Image(
        height=height, width=width, encoding=encoding, step=step, data=data, is_bigendian=is_bigendian
    )


def padded(msg, extra=5):
    """The same message with `extra` bytes of rubbish after each row."""
    planes = [(msg.height, msg.step)] if msg.encoding == "nv24" else [(len(msg.data) // msg.step, msg.step)]
    if msg.encoding == "nv24":
        planes.append((msg.height, 2 * msg.step))
    data, position, out = bytes(msg.data), 0, b""
    for rows, step in planes:
        padding = b"\xee" * (extra * step // msg.step)
        for _ in range(rows):
            out += data[position : position + step] + padding
            position += step
    pixels = np.frombuffer(out, np.uint8)
    return message(msg.encoding, pixels, msg.height, msg.width, msg.step + extra, msg.is_bigendian)
