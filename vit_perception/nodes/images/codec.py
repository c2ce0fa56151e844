"""Image messages to NumPy arrays and back, with regard to `step`, padding and byte order."""

from __future__ import annotations

import array
import math
import sys

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from vit_perception.nodes.images.conversions import Array, convert
from vit_perception.nodes.images.encodings import (
    BAYER,
    BGR,
    BGRA,
    FULL_YUV,
    GRAY,
    NUMBERS,
    RGB,
    RGBA,
    Encoding,
    ImageError,
    lookup,
)
from vit_perception.nodes.images.header import read_size

__all__ = ["PASSTHROUGH", "ImageError", "check_megapixels", "decode", "decode_compressed", "encode"]

PASSTHROUGH = "passthrough"


def decode(msg: Image, encoding: str = "bgr8", max_megapixels: float = math.inf) -> Array:
    """The pixels of an image message.

    Args:
        msg: of any encoding in sensor_msgs.
        encoding: of the result; `"passthrough"`: that of the message.
        max_megapixels: of an image that is decoded.

    Returns:
        (H, W) for one channel, else (H, W, channels), in native byte order; YUV in the shapes that `encode`
        takes. Where nothing has to be converted it is a read-only view of `msg.data`, in which padded rows
        have a larger stride; otherwise a new array.

    Raises:
        ImageError: the image is too large; the encoding is unknown; size, step and data do not match; or
            the image has no colours to convert.
    """
    check_megapixels(msg.width, msg.height, max_megapixels)
    source = lookup(msg.encoding)
    target = source if encoding == PASSTHROUGH else lookup(encoding)
    pixels = _pixels(msg, source)
    if target.layout != source.layout:
        target.check_size(msg.height, msg.width)
    return convert(pixels, source, target)


def decode_compressed(
    msg: CompressedImage, encoding: str = "bgr8", max_megapixels: float = math.inf
) -> Array:
    """The pixels of a compressed image message.

    Args:
        msg: with a JPEG, PNG or other file that `read_size` knows and OpenCV reads. Its `format` is that of
            compressed_image_transport (`"rgb8; jpeg compressed bgr8"`) or just `"jpeg"`.
        encoding: of the result; `"passthrough"`: as stored.
        max_megapixels: of a picture that is decoded.

    Returns:
        As `decode`. The file's rotation tag is ignored: pixels stay where the camera recorded them.

    Raises:
        ImageError: the data is empty, truncated or no picture; the picture is too large; or the format
            holds depth.
    """
    original, _, details = (part.strip() for part in msg.format.partition(";"))
    if "compressedDepth" in msg.format:
        raise ImageError(
            f"compressed format {msg.format!r} carries depth: subscribe to the camera's colour image"
        )
    data = bytes(msg.data)
    size = read_size(data)
    if size is not None:
        check_megapixels(*size, max_megapixels)
    whole = size is not None and not _is_cut_jpeg(data)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if whole else None
    if pixels is None:
        raise ImageError(
            f"{len(data)} bytes of compressed format {msg.format!r} are not a whole picture that OpenCV "
            f"can read: check the publisher"
        )
    source = _stored_encoding(pixels, original, details)
    target = source if encoding == PASSTHROUGH else lookup(encoding)
    target.check_size(*pixels.shape[:2])
    return convert(pixels, source, target)


def encode(pixels: Array, encoding: str, header: Header, source: str | None = None) -> Image:
    """An image message with native byte order and no padding.

    Args:
        pixels: (H, W) or (H, W, channels), with the sample type of `source`. Packed YUV is (H, W, 2); nv12
            and nv21 are (3H/2, W) and nv24 is (3H, W): the luma plane, then the rows of chroma.
        encoding: of the message.
        header: of the message.
        source: encoding of `pixels`, which are converted where it differs; None: `encoding`.

    Raises:
        ImageError: an encoding is unknown, or the array does not have its type or shape, or cannot be
            converted.
    """
    target = lookup(encoding)
    given = target if source is None else lookup(source)
    height, width = _check_array(pixels, given)
    target.check_size(height, width)
    pixels = np.ascontiguousarray(convert(pixels, given, target))
    data = array.array("B")
    data.frombytes(pixels.data.cast("B"))
    step = width * target.channels * target.dtype.itemsize
    return Image(
        header=header,
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=int(sys.byteorder == "big"),
        step=step,
        data=data,
    )


def check_megapixels(width: int, height: int, most: float) -> None:
    """Raise ImageError if a picture has more megapixels."""
    megapixels = width * height / 1e6
    if megapixels > most:
        raise ImageError(
            f"image of {width}x{height} pixels, {megapixels:.4g} megapixels, where max_megapixels allows "
            f"{most:g}: set that parameter higher if the camera is meant to send it"
        )


def _pixels(msg: Image, encoding: Encoding) -> Array:
    """The samples of a message in native byte order, after a check that it is complete."""
    height, width, step = msg.height, msg.width, msg.step
    encoding.check_size(height, width)
    row = width * encoding.channels * encoding.dtype.itemsize
    if step < row:
        raise ImageError(
            f"{msg.encoding} image has step {step}, but {width} pixels need {row} bytes: set step to {row}"
        )
    rows = encoding.rows(height)
    if len(msg.data) != rows * step:
        raise ImageError(
            f"{msg.encoding} image of {width}x{height} pixels with step {step} needs {rows * step} bytes, "
            f"data has {len(msg.data)}: it is truncated or has a wrong size or step"
        )
    swapped = encoding.dtype.itemsize > 1 and bool(msg.is_bigendian) != (sys.byteorder == "big")
    dtype = encoding.dtype.newbyteorder() if swapped else encoding.dtype
    if encoding.layout == FULL_YUV:
        return _full_yuv(msg)
    shape: tuple[int, ...] = (rows, width)
    strides: tuple[int, ...] = (step, encoding.channels * dtype.itemsize)
    if encoding.channels > 1:
        shape, strides = (*shape, encoding.channels), (*strides, dtype.itemsize)
    view: Array = np.ndarray(shape, dtype, buffer=msg.data, strides=strides)
    view.flags.writeable = False
    # OpenCV cannot read rows that begin in the middle of a sample.
    return view.astype(encoding.dtype) if swapped or step % encoding.dtype.itemsize else view


def _full_yuv(msg: Image) -> Array:
    """(3H, W) without padding. A row of chroma has two bytes for each pixel and is two steps long."""
    height, width, step = msg.height, msg.width, msg.step
    data = np.frombuffer(msg.data, np.uint8)
    luma = data[: height * step].reshape(height, step)[:, :width]
    chroma = data[height * step :].reshape(height, 2 * step)[:, : 2 * width]
    return np.concatenate([luma, chroma.reshape(2 * height, width)])


def _is_cut_jpeg(data: bytes) -> bool:
    """Whether a JPEG lacks its end marker; OpenCV before 5 decodes such a file and leaves the rest grey."""
    # Neither marker can occur within compressed pixels. Bytes after the end are padding, and allowed.
    return data.startswith(b"\xff\xd8") and data.find(b"\xff\xd9", data.rfind(b"\xff\xda")) < 0


def _stored_encoding(pixels: Array, original: str, details: str) -> Encoding:
    """The encoding of the pixels in a decoded file.

    Args:
        pixels: as OpenCV decoded them.
        original: encoding before the compression, the first part of `format`.
        details: how it was compressed, the second part of `format`.
    """
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    try:
        encoding = lookup(original) if channels == 1 else None
    except ImageError:
        encoding = None  # just "jpeg" or "png"
    if encoding and encoding.layout in (NUMBERS, *BAYER.values()) and pixels.dtype == encoding.dtype:
        return encoding  # Bayer samples and 16UC1 depth are stored as a grey picture
    # OpenCV decodes to BGR, unless the publisher compressed RGB as if it were BGR, which `details` tells.
    red_first = "compressed rgb" in details
    layout = {1: GRAY, 3: RGB if red_first else BGR, 4: RGBA if red_first else BGRA}.get(channels)
    if layout is None or pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"compressed picture has {channels} channels of {pixels.dtype}: publish 8 or 16-bit colour"
        )
    return lookup(("mono" if layout == GRAY else layout.lower()) + str(pixels.dtype.itemsize * 8))


def _check_array(pixels: Array, encoding: Encoding) -> tuple[int, int]:
    """(height, width) in pixels of an array, after a check that it suits the encoding."""
    channels = 1 if pixels.ndim == 2 else pixels.shape[2] if pixels.ndim == 3 else 0
    if channels != encoding.channels or pixels.dtype != encoding.dtype:
        raise ImageError(
            f"{encoding.name} takes {encoding.channels} channels of {encoding.dtype}, not an array of shape "
            f"{pixels.shape} and type {pixels.dtype}: convert it first"
        )
    rows, width = pixels.shape[:2]
    height = rows * 2 // encoding.rows(2)
    encoding.check_size(height, width)
    if encoding.rows(height) != rows:
        raise ImageError(
            f"{encoding.name} array has {rows} rows, but luma and chroma take {encoding.rows(2)} rows for "
            f"every 2 pixel rows: give a height that fits"
        )
    return height, width
