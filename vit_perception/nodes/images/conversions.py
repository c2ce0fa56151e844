"""From any image encoding to any other: with cv_bridge where it is installed and has the conversion, else
with OpenCV.

Both give the same numbers: colours are converted first, then the bit depth, with 16-bit samples scaled by
255/65535. YUV is ITU-R BT.601 with luma in 16..235, as OpenCV reads it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.nodes.images.encodings import (
    BGR,
    COLOURS,
    FULL_YUV,
    GRAY,
    HALF_YUV,
    NAMED,
    PACKED_YUV,
    Encoding,
    ImageError,
)

Array = NDArray[Any]
# Pixels, their encoding, and the one to convert them to.
Conversion = Callable[[Array, str, str], Array]

# OpenCV names a Bayer pattern by the second and third pixel of its second row, sensor_msgs by its first two
# rows.
_OPENCV_BAYER = {"RGGB": "BayerBG", "BGGR": "BayerRG", "GBRG": "BayerGR", "GRBG": "BayerGB"}
_OPENCV_YUV = {"UYVY": "UYVY", "YUYV": "YUY2", "NV12": "NV12", "NV21": "NV21"}
# The names of packed YUV that cv_bridge knows in every distribution.
_BRIDGE_YUV = {"UYVY": "yuv422", "YUYV": "yuv422_yuy2"}

# Rows Y, Cb, Cr; columns B, G, R and the offset. OpenCV before 4.10 reads packed YUV but cannot write it.
_BGR_TO_YUV = np.array(
    [
        [24.966 / 255, 128.553 / 255, 65.481 / 255, 16],
        [112.0 / 255, -74.203 / 255, -37.797 / 255, 128],
        [-18.214 / 255, -93.786 / 255, 112.0 / 255, 128],
    ]
)


@functools.cache
def cv_bridge_conversion() -> Conversion | None:
    """Conversion of an array by the distribution's cv_bridge; None where it is not installed or broken.

    The array goes through a message of its own, without padding and in native byte order: cv_bridge reads a
    camera's message only if `step` is a multiple of the pixel.
    """
    try:
        from cv_bridge import CvBridge

        bridge = CvBridge()

        def conversion(array: Array, source: str, target: str) -> Array:
            return np.asarray(bridge.imgmsg_to_cv2(bridge.cv2_to_imgmsg(array, source), target))

        # Its compiled part is loaded by the first conversion, and fails if it was built for another NumPy.
        conversion(np.zeros((1, 1, 3), np.uint8), "bgr8", "rgb8")
    except (ImportError, AttributeError):
        return None
    return conversion


def convert(array: Array, source: Encoding, target: Encoding) -> Array:
    """Convert pixels.

    Args:
        array: in the shape that `codec.encode` takes for `source`, in native byte order; it is not changed.
        source: encoding of the array.
        target: encoding of the result.

    Returns:
        The array itself where nothing changes, else a new one.

    Raises:
        ImageError: the encodings differ, and one of them holds numbers such as depth instead of colours.
    """
    if source.layout == target.layout and (source.dtype, source.channels) == (target.dtype, target.channels):
        return array
    if not target.is_colour and (source.dtype, source.channels) == (target.dtype, target.channels):
        return array
    if not (source.is_colour and target.is_colour):
        raise ImageError(_without_colour(source, target))
    common = source.bits == target.bits == 8 and source.layout in COLOURS and target.layout in COLOURS
    if not common and (bridge := cv_bridge_conversion()) and (names := bridge_names(source, target)):
        return bridge(np.ascontiguousarray(array), *names)
    return opencv_convert(array, source, target)


def opencv_convert(array: Array, source: Encoding, target: Encoding) -> Array:
    """`convert` between two colour encodings, without cv_bridge."""
    if source.layout == target.layout:
        return _scale(array, source.bits, target.bits)
    if target.layout in COLOURS:
        return _scale(_recolour(array, source.layout, target.layout), source.bits, target.bits)
    bgr = array if source.layout == BGR else _recolour(array, source.layout, BGR)
    bgr = _scale(bgr, source.bits, target.bits)
    return _mosaic(bgr, target.layout) if target.layout in _OPENCV_BAYER else _to_yuv(bgr, target.layout)


def _without_colour(source: Encoding, target: Encoding) -> str:
    if source.is_colour:
        reason = "pictures hold no measurements, ask for a colour encoding"
    else:
        reason = (
            f"{source.name} carries numbers such as depth, not colours; "
            f"subscribe to the camera's colour or mono image"
        )
    return f"cannot convert {source.name} to {target.name}: {reason}"


def bridge_names(source: Encoding, target: Encoding) -> tuple[str, str] | None:
    """The names of both encodings in cv_bridge; None where it does not have the conversion."""
    readable = source.layout in COLOURS or source.layout in _BRIDGE_YUV
    demosaicable = source.layout in _OPENCV_BAYER and COLOURS.get(target.layout, 4) < 4
    if target.layout not in COLOURS or not (readable or demosaicable):
        return None
    return _BRIDGE_YUV.get(source.layout, _plain_name(source)), _plain_name(target)


def _plain_name(encoding: Encoding) -> str:
    """The name that tells the colours: `bgr8` for the generic `8UC3`."""
    return next(
        name
        for name, known in NAMED.items()
        if (known.layout, known.bits) == (encoding.layout, encoding.bits)
    )


def _scale(array: Array, source_bits: int, target_bits: int) -> Array:
    if source_bits == target_bits:
        return array
    if target_bits == 16:
        return array.astype(np.uint16) * np.uint16(257)  # 257 = 65535 / 255
    return np.asarray(cv2.convertScaleAbs(array, alpha=255 / 65535)).reshape(array.shape)


def _recolour(array: Array, source: str, target: str) -> Array:
    """Any layout to one of the five plain ones, at the same bit depth."""
    if source == FULL_YUV:
        return _from_full_yuv(array, target)
    if source in _OPENCV_BAYER:
        code = f"COLOR_{_OPENCV_BAYER[source]}2{target}"
    elif source in _OPENCV_YUV:
        code = f"COLOR_YUV2{target}_{_OPENCV_YUV[source]}"
    else:
        code = f"COLOR_{source}2{target}"
    return np.asarray(cv2.cvtColor(array, getattr(cv2, code)))


def _from_full_yuv(array: Array, target: str) -> Array:
    """(3H, W) NV24 to a plain layout: as YUYV with every pixel twice, since OpenCV does not read NV24."""
    height, width = array.shape[0] // 3, array.shape[1]
    luma = array[:height]
    if target == GRAY:
        return luma
    chroma = array[height:].reshape(height, width, 2)
    pairs = np.stack([luma, chroma[..., 0], luma, chroma[..., 1]], axis=-1).reshape(height, 2 * width, 2)
    return np.ascontiguousarray(_recolour(pairs, "YUYV", target)[:, ::2])


def _mosaic(bgr: Array, pattern: str) -> Array:
    """(H, W, 3) to the (H, W) samples of a sensor with this colour filter."""
    mosaic = np.empty(bgr.shape[:2], bgr.dtype)
    for position, colour in enumerate(pattern):
        row, column = divmod(position, 2)
        mosaic[row::2, column::2] = bgr[row::2, column::2, "BGR".index(colour)]
    return mosaic


def _to_yuv(bgr: Array, layout: str) -> Array:
    """(H, W, 3) uint8 to a YUV layout; pixels that share chroma get its mean."""
    height, width = bgr.shape[:2]
    yuv = np.asarray(cv2.transform(bgr, _BGR_TO_YUV))
    luma, chroma = yuv[..., 0], yuv[..., 1:]
    if layout in PACKED_YUV:
        halved = cv2.resize(chroma, (width // 2, height), interpolation=cv2.INTER_AREA)
        samples = (luma, halved.reshape(height, width))  # U and V alternate along a row
        return np.stack(samples if layout == "YUYV" else samples[::-1], axis=-1)
    if layout in HALF_YUV:
        chroma = cv2.resize(chroma, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        chroma = chroma[..., ::-1] if layout == "NV21" else chroma
    return np.concatenate([luma, chroma.reshape(-1, width)])
